//! A subset of FHIRPath: what the official search parameters and simple patches are written in.
//!
//! In it: paths, `[n]`, `|`, `as` and `is` (as operators and functions), `where`, `exists`, `empty`, `not`, `first`, `last`,
//! `count`, `ofType`, `resolve`, `=`, `!=`, `and`, `or`, literals, `%resource`, `$this`. Everything else is refused by name.
//! A calculation of a form may say more ([`parse_calculation`]): `+ - * /`, `< <= > >=`, `sum`, `round`, `iif`, `descendants`,
//! `ordinal`, `%context` and named variables.
//! (FHIRPath 2.0.0, <http://hl7.org/fhirpath/N1/>; what FHIR adds to it, <http://hl7.org/fhir/R4/fhirpath.html>.)

mod calculate;
mod check;
mod decimal;
mod equal;
mod eval;
mod item;
mod parse;

pub(crate) use calculate::ordinal_of;
pub use calculate::{ORDINAL, calculate, item_text, mentions};
pub use check::check;
pub use decimal::Decimal;
pub(crate) use equal::same_value;
pub use eval::{EvalError, VISITED_MAX, Work, evaluate};
pub use item::{Element, Item, Step, Way, way_to};
pub use parse::{PathError, parse, parse_calculation};

/// An expression.
#[derive(Clone, PartialEq, Debug)]
pub enum Expr {
    /// `$this`, and what a path begins with that is not written.
    This,
    /// `%resource`
    Resource,
    /// A name after a dot, or at the start: an element, or the type that the path begins at.
    Member(Box<Expr>, String),
    /// `expression[n]`
    Index(Box<Expr>, usize),
    /// `expression.name(arguments)`
    Call(Box<Expr>, Function, Vec<Expr>),
    /// `a | b`
    Union(Box<Expr>, Box<Expr>),
    /// `expression as Type`, `expression.as(Type)`, `expression.ofType(Type)`
    As(Box<Expr>, String),
    /// `expression is Type`
    Is(Box<Expr>, String),
    /// `a = b`, or `a != b` if the flag is false.
    Equal(Box<Expr>, Box<Expr>, bool),
    /// `a and b`
    And(Box<Expr>, Box<Expr>),
    /// `a or b`
    Or(Box<Expr>, Box<Expr>),
    /// A literal.
    Literal(Literal),
    /// `%context`: the part of the resource that a calculation stands at. In calculations only, as all that follows.
    Context,
    /// `%name`
    Variable(String),
    /// `a + b`
    Arithmetic(Box<Expr>, Arithmetic, Box<Expr>),
    /// `a < b`
    Compare(Box<Expr>, Comparison, Box<Expr>),
}

/// An operator on two numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arithmetic {
    /// `+`, of texts too.
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`; by zero it says nothing.
    Divide,
}

/// Which of two values comes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// A literal.
#[derive(Clone, PartialEq, Debug)]
pub enum Literal {
    /// `'text'`
    Text(String),
    /// `12` or `1.20`, as written.
    Number(String),
    /// `true`
    Bool(bool),
    /// `@2018-02`, without the sign.
    Date(String),
    /// `{}`
    Empty,
}

/// A function of the subset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Function {
    /// Those of which a condition holds.
    Where,
    /// Whether there is one; with a condition, whether one meets it.
    Exists,
    /// Whether there is none.
    Empty,
    /// The opposite.
    Not,
    /// The first.
    First,
    /// The last.
    Last,
    /// How many.
    Count,
    /// What a reference leads to.
    Resolve,
    /// The numbers added up; none of none.
    Sum,
    /// To so many decimals, half away from zero.
    Round,
    /// The first if the condition holds, else the second.
    Iif,
    /// Everything below.
    Descendants,
    /// The score that a Coding carries (R4's extension `ordinalValue`).
    Ordinal,
}

#[cfg(test)]
mod tests;

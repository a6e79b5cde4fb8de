//! From the text of an expression to its tree.

use super::{Arithmetic, Comparison, Expr, Function, Literal};

/// Longest expression that is read, in bytes. The longest of the official search parameters has 1,300.
const BYTES_MAX: usize = 8 * 1024;
/// How deep parentheses and operators may nest.
const DEPTH_MAX: usize = 32;

/// Why an expression is not one of the subset, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Nothing that can stand here.
    #[error("not an expression at character {0}")]
    Unexpected(usize),
    /// FHIRPath, but not of the subset.
    #[error("{0} is not supported in an expression here")]
    Unsupported(String),
    /// Too long, or nested too deep.
    #[error("the expression is too long or nested too deep")]
    TooLarge,
}

/// Reads an expression.
///
/// # Errors
/// [`PathError`] names what is not understood.
pub fn parse(text: &str) -> Result<Expr, PathError> {
    read(text, false)
}

/// Reads a calculation of a form: an expression with numbers that are added up and compared, and variables. As long and as
/// deep as any other.
///
/// # Errors
/// [`PathError`] names what is not understood.
pub fn parse_calculation(text: &str) -> Result<Expr, PathError> {
    read(text, true)
}

fn read(text: &str, is_calculation: bool) -> Result<Expr, PathError> {
    if text.len() > BYTES_MAX {
        return Err(PathError::TooLarge);
    }
    let mut parser = Parser { tokens: tokens(text, is_calculation)?, at: 0, depth: 0, is_calculation };
    let expression = parser.or()?;
    match parser.tokens.get(parser.at) {
        None => Ok(expression),
        Some((at, _)) => Err(PathError::Unexpected(*at)),
    }
}

#[derive(Clone, PartialEq, Debug)]
enum Token {
    Name(String),
    Literal(Literal),
    Sign(&'static str),
}

/// Signs, longer ones before those that they begin with.
const SIGNS: [&str; 20] =
    ["!=", "!~", "<=", ">=", "(", ")", "[", "]", "{", "}", ".", "|", "=", ",", "~", "<", ">", "+", "&", "*"];

/// Signs that only a calculation has.
const CALCULATION_SIGNS: [&str; 2] = ["-", "/"];

fn tokens(text: &str, is_calculation: bool) -> Result<Vec<(usize, Token)>, PathError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        let rest = &text[at..];
        let start = at;
        if letter.is_whitespace() {
            at += letter.len_utf8();
            continue;
        }
        let token = match letter {
            '\'' | '`' | '"' => {
                let (value, length) = quoted(rest, letter).ok_or(PathError::Unexpected(start))?;
                at += length;
                if letter == '\'' { Token::Literal(Literal::Text(value)) } else { Token::Name(value) }
            }
            '@' => {
                let length = 1 + date_length(&rest[1..]);
                // A time of day is of no zone.
                if rest[1..].starts_with('T') && rest[..length].contains(['Z', '+', '-']) {
                    return Err(PathError::Unexpected(start));
                }
                at += length;
                Token::Literal(Literal::Date(rest[1..length].to_owned()))
            }
            '0'..='9' => {
                let whole = span(rest, |letter| letter.is_ascii_digit());
                let part =
                    rest[whole..].strip_prefix('.').map_or(0, |part| span(part, |letter| letter.is_ascii_digit()));
                at += whole + if part > 0 { part + 1 } else { 0 };
                Token::Literal(Literal::Number(text[start..at].to_owned()))
            }
            _ if letter.is_ascii_alphabetic() || "_$%".contains(letter) => {
                at += 1 + span(&rest[1..], |letter| letter.is_ascii_alphanumeric() || letter == '_');
                match &text[start..at] {
                    "true" => Token::Literal(Literal::Bool(true)),
                    "false" => Token::Literal(Literal::Bool(false)),
                    name => Token::Name(name.to_owned()),
                }
            }
            _ => {
                let more = if is_calculation { &CALCULATION_SIGNS[..] } else { &[] };
                let mut signs = SIGNS.iter().chain(more);
                let sign = signs.find(|sign| rest.starts_with(**sign)).ok_or(PathError::Unexpected(start))?;
                at += sign.len();
                Token::Sign(sign)
            }
        };
        tokens.push((start, token));
    }
    Ok(tokens)
}

/// How many bytes of a text are a date or a time: a dot belongs to it only before a digit, else a function follows.
fn date_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let is_part = |at: usize| match bytes[at] {
        b'0'..=b'9' | b'-' | b'+' | b':' | b'T' | b'Z' => true,
        b'.' => bytes.get(at + 1).is_some_and(u8::is_ascii_digit),
        _ => false,
    };
    (0..bytes.len()).find(|at| !is_part(*at)).unwrap_or(bytes.len())
}

fn span(text: &str, accept: impl Fn(char) -> bool) -> usize {
    text.find(|letter| !accept(letter)).unwrap_or(text.len())
}

/// The text in quotes at the start, and how many bytes it takes with them.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let (mut value, mut letters) = (String::new(), text.char_indices().skip(1));
    while let Some((at, letter)) = letters.next() {
        match letter {
            _ if letter == quote => return Some((value, at + 1)),
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                'r' => value.push('\r'),
                'f' => value.push('\u{c}'),
                'u' => {
                    let digits: String = letters.by_ref().take(4).map(|(_, digit)| digit).collect();
                    value.push(char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?);
                }
                other => value.push(other),
            },
            _ => value.push(letter),
        }
    }
    None
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    at: usize,
    depth: usize,
    is_calculation: bool,
}

impl Parser {
    fn is_sign(&mut self, wanted: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some((_, Token::Sign(sign))) if *sign == wanted);
        self.at += usize::from(found);
        found
    }

    fn is_word(&mut self, wanted: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some((_, Token::Name(name))) if name == wanted);
        self.at += usize::from(found);
        found
    }

    fn unexpected(&self) -> PathError {
        let end = self.tokens.last().map_or(0, |(at, _)| at + 1);
        PathError::Unexpected(self.tokens.get(self.at).map_or(end, |(at, _)| *at))
    }

    fn expect(&mut self, sign: &str) -> Result<(), PathError> {
        if self.is_sign(sign) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn name(&mut self) -> Result<String, PathError> {
        match self.tokens.get(self.at) {
            Some((_, Token::Name(name))) => {
                let name = name.clone();
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn or(&mut self) -> Result<Expr, PathError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(PathError::TooLarge);
        }
        let mut left = self.and()?;
        while self.is_word("or") {
            left = Expr::Or(left.into(), self.and()?.into());
        }
        self.depth -= 1;
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr, PathError> {
        let mut left = self.equal()?;
        while self.is_word("and") {
            left = Expr::And(left.into(), self.equal()?.into());
        }
        Ok(left)
    }

    fn equal(&mut self) -> Result<Expr, PathError> {
        let left = self.compared()?;
        if self.is_sign("=") {
            return Ok(Expr::Equal(left.into(), self.compared()?.into(), true));
        }
        if self.is_sign("!=") {
            return Ok(Expr::Equal(left.into(), self.compared()?.into(), false));
        }
        match self.tokens.get(self.at) {
            Some((_, Token::Sign(sign @ ("!~" | "~" | "<" | ">" | "<=" | ">=" | "+" | "&" | "*")))) => {
                Err(PathError::Unsupported((*sign).to_owned()))
            }
            Some((_, Token::Name(name)))
                if matches!(name.as_str(), "in" | "contains" | "xor" | "implies" | "div" | "mod") =>
            {
                Err(PathError::Unsupported(name.clone()))
            }
            _ => Ok(left),
        }
    }

    fn compared(&mut self) -> Result<Expr, PathError> {
        let left = self.union()?;
        if !self.is_calculation {
            return Ok(left);
        }
        for (sign, comparison) in [
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ] {
            if self.is_sign(sign) {
                return Ok(Expr::Compare(left.into(), comparison, self.union()?.into()));
            }
        }
        Ok(left)
    }

    fn union(&mut self) -> Result<Expr, PathError> {
        let mut left = self.typed()?;
        while self.is_sign("|") {
            left = Expr::Union(left.into(), self.typed()?.into());
        }
        Ok(left)
    }

    fn typed(&mut self) -> Result<Expr, PathError> {
        let left = self.terms()?;
        if self.is_word("as") {
            return Ok(Expr::As(left.into(), self.type_name()?));
        }
        if self.is_word("is") {
            return Ok(Expr::Is(left.into(), self.type_name()?));
        }
        Ok(left)
    }

    fn terms(&mut self) -> Result<Expr, PathError> {
        let mut left = self.factors()?;
        while self.is_calculation {
            let operator = match () {
                () if self.is_sign("+") => Arithmetic::Add,
                () if self.is_sign("-") => Arithmetic::Subtract,
                () => break,
            };
            left = Expr::Arithmetic(left.into(), operator, self.factors()?.into());
        }
        Ok(left)
    }

    fn factors(&mut self) -> Result<Expr, PathError> {
        if !self.is_calculation {
            return self.path();
        }
        let mut left = self.signed()?;
        loop {
            let operator = match () {
                () if self.is_sign("*") => Arithmetic::Multiply,
                () if self.is_sign("/") => Arithmetic::Divide,
                () => return Ok(left),
            };
            left = Expr::Arithmetic(left.into(), operator, self.signed()?.into());
        }
    }

    /// One sign at most: nobody writes two, and so it needs no bound of its own.
    fn signed(&mut self) -> Result<Expr, PathError> {
        if !self.is_sign("-") {
            return self.path();
        }
        let zero = Expr::Literal(Literal::Number("0".to_owned()));
        Ok(Expr::Arithmetic(zero.into(), Arithmetic::Subtract, self.path()?.into()))
    }

    /// `Quantity`, `FHIR.Quantity`, `System.String`.
    fn type_name(&mut self) -> Result<String, PathError> {
        let name = self.name()?;
        if (name == "FHIR" || name == "System") && self.is_sign(".") {
            let inner = self.name()?;
            return Ok(if name == "FHIR" { inner } else { format!("System.{inner}") });
        }
        Ok(name)
    }

    fn path(&mut self) -> Result<Expr, PathError> {
        let mut left = self.start()?;
        loop {
            if self.is_sign(".") {
                let name = self.name()?;
                left = self.step(left, name)?;
            } else if self.is_sign("[") {
                let Some((_, Token::Literal(Literal::Number(number)))) = self.tokens.get(self.at) else {
                    return Err(self.unexpected());
                };
                let index = number.parse().map_err(|_| self.unexpected())?;
                self.at += 1;
                self.expect("]")?;
                left = Expr::Index(left.into(), index);
            } else {
                return Ok(left);
            }
        }
    }

    fn start(&mut self) -> Result<Expr, PathError> {
        if self.is_sign("(") {
            let inner = self.or()?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.is_sign("{") {
            self.expect("}")?;
            return Ok(Expr::Literal(Literal::Empty));
        }
        if let Some((_, Token::Literal(literal))) = self.tokens.get(self.at) {
            let literal = literal.clone();
            self.at += 1;
            return Ok(Expr::Literal(literal));
        }
        let name = self.name()?;
        match name.as_str() {
            "$this" => Ok(Expr::This),
            "%context" if self.is_calculation => Ok(Expr::Context),
            "%resource" | "%context" | "%rootResource" => Ok(Expr::Resource),
            _ if self.is_calculation && name.len() > 1 && name.starts_with('%') => {
                Ok(Expr::Variable(name[1..].to_owned()))
            }
            _ if name.starts_with(['$', '%']) => Err(PathError::Unsupported(name)),
            _ => self.step(Expr::This, name),
        }
    }

    /// `extension('url')`, which FHIR adds to FHIRPath: those extensions whose url is this.
    fn extension(&mut self, left: Expr) -> Result<Expr, PathError> {
        let Some((_, Token::Literal(url @ Literal::Text(_)))) = self.tokens.get(self.at) else {
            return Err(self.unexpected());
        };
        let url = Expr::Literal(url.clone());
        self.at += 1;
        self.expect(")")?;
        let member = |of: Expr, name: &str| Expr::Member(of.into(), name.to_owned());
        let is_that = Expr::Equal(member(Expr::This, "url").into(), url.into(), true);
        Ok(Expr::Call(member(left, "extension").into(), Function::Where, vec![is_that]))
    }

    /// A member, or a call if a parenthesis follows.
    fn step(&mut self, left: Expr, name: String) -> Result<Expr, PathError> {
        if !self.is_sign("(") {
            return Ok(Expr::Member(left.into(), name));
        }
        if matches!(name.as_str(), "as" | "ofType" | "is") {
            let kind = self.type_name()?;
            self.expect(")")?;
            return Ok(if name == "is" { Expr::Is(left.into(), kind) } else { Expr::As(left.into(), kind) });
        }
        if name == "extension" {
            return self.extension(left);
        }
        let (function, least, most) = match name.as_str() {
            "where" => (Function::Where, 1, 1),
            "exists" => (Function::Exists, 0, 1),
            "empty" => (Function::Empty, 0, 0),
            "not" => (Function::Not, 0, 0),
            "first" => (Function::First, 0, 0),
            "last" => (Function::Last, 0, 0),
            "count" => (Function::Count, 0, 0),
            "resolve" => (Function::Resolve, 0, 0),
            "sum" if self.is_calculation => (Function::Sum, 0, 0),
            "round" if self.is_calculation => (Function::Round, 0, 1),
            "iif" if self.is_calculation => (Function::Iif, 2, 3),
            "descendants" if self.is_calculation => (Function::Descendants, 0, 0),
            "ordinal" | "weight" if self.is_calculation => (Function::Ordinal, 0, 0),
            _ => return Err(PathError::Unsupported(format!("{name}()"))),
        };
        let mut arguments = Vec::new();
        if !self.is_sign(")") {
            arguments.push(self.or()?);
            while arguments.len() < most && self.is_sign(",") {
                arguments.push(self.or()?);
            }
            self.expect(")")?;
        }
        if arguments.len() < least || arguments.len() > most {
            return Err(self.unexpected());
        }
        Ok(Expr::Call(left.into(), function, arguments))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(of: Expr, name: &str) -> Expr {
        Expr::Member(of.into(), name.to_owned())
    }

    #[test]
    fn expressions_are_read_by_their_precedence() {
        let name = member(member(Expr::This, "Patient"), "name");
        assert_eq!(parse("Patient.name"), Ok(name.clone()));
        assert_eq!(parse("(Patient.name as HumanName)"), Ok(Expr::As(name.clone().into(), "HumanName".to_owned())));
        assert_eq!(parse("Patient.name.as(HumanName)"), parse("Patient.name as FHIR.HumanName"));
        assert_eq!(parse("Patient.name[0]"), Ok(Expr::Index(name.clone().into(), 0)));
        assert_eq!(
            parse("Patient.name.where(use='old' or use = 'usual').exists() and true"),
            parse("((Patient.name.where((use = 'old') or (use = 'usual'))).exists()) and (true)")
        );
        assert_eq!(parse("a | b = c"), parse("(a | b) = c"));
        assert_eq!(parse("resolve() is Patient"), parse("(resolve()) is Patient"));
        assert_eq!(parse("'a\\'\\u0645'"), Ok(Expr::Literal(Literal::Text("a'م".to_owned()))));
        assert_eq!(parse("a.extension('u').value"), parse("a.extension.where(url = 'u').value"));
        assert_eq!(parse("@2018-02-18.exists()"), parse("(@2018-02-18).exists()"));
        assert_eq!(parse("1.20"), Ok(Expr::Literal(Literal::Number("1.20".to_owned()))));
    }

    #[test]
    fn what_is_not_of_the_subset_is_refused_by_name() {
        assert_eq!(parse("a.b("), Err(PathError::Unsupported("b()".to_owned())));
        assert_eq!(parse("name.trace('x')"), Err(PathError::Unsupported("trace()".to_owned())));
        assert_eq!(parse("a + b"), Err(PathError::Unsupported("+".to_owned())));
        assert_eq!(parse("a in b"), Err(PathError::Unsupported("in".to_owned())));
        for text in ["", "a.", "a[", "a[b]", "(a", "a)", "where()", "'a", "a b", "#", "exists(a, b)", "a..b"] {
            assert!(matches!(parse(text), Err(PathError::Unexpected(_))), "{text}: {:?}", parse(text));
        }
        assert_eq!(parse(&"(".repeat(5_000)), Err(PathError::TooLarge));
        assert_eq!(parse(&"a.".repeat(5_000)), Err(PathError::TooLarge));
        let long = vec!["a"; 4_000].join("|");
        assert!(parse(&long).is_ok());
    }
}

//! What of a form is asked now, and what is calculated, from the answers so far.

use super::answers::{Answers, Cell, places};
use super::form::{Condition, Form, Operator};
use super::response::{Writer, write_items};
use super::said::{Problem, Said, calculated, read};
use super::{CALCULATION_VISITS_MAX, Place};
use crate::fhirpath::Step;
use crate::fhirpath::{Expr, Work, calculate, item_text, way_to};
use crate::json::{self, Node};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// What is asked, and what is calculated.
pub(super) struct Now {
    /// The places that are asked: all others are disabled, or stand in what is.
    pub(super) enabled: BTreeSet<Place>,
    pub(super) calculated: BTreeMap<Place, Result<Said, Problem>>,
}

/// Works both out. One depends on the other, so it goes on by the ranks of the calculations; the form has no circle.
pub(super) fn now(form: &Form, answers: &Answers, zone: &str) -> Now {
    let places = places(form, answers);
    let mut now = Now { enabled: BTreeSet::new(), calculated: BTreeMap::new() };
    let mut work = Work::of(CALCULATION_VISITS_MAX);
    let calculations: Vec<usize> = (0..form.items.len()).filter(|at| form.items[*at].calculation.is_some()).collect();
    let ranks: BTreeSet<u32> = calculations.iter().map(|at| form.items[*at].rank).collect();
    for rank in ranks {
        now.enabled = enabled(form, answers, &places, &now, zone);
        let mut writer = Writer::default();
        writer.text.push_str("{\"resourceType\":\"QuestionnaireResponse\",\"status\":\"in-progress\"");
        write_items(form, answers, &now, zone, true, &mut writer);
        writer.text.push('}');
        let Ok(root) = json::parse_object(writer.text.as_bytes()) else { return now };
        let mut found = Vec::new();
        for item in calculations.iter().copied().filter(|at| form.items[*at].rank == rank) {
            let Some(expression) = &form.items[item].calculation else { continue };
            for at in &places[item] {
                let place = (item, at.clone());
                if now.enabled.contains(&place) {
                    let value = value(form, expression, &place, &root, &writer, &mut work);
                    found.extend(value.transpose().map(|value| (place, value)));
                }
            }
        }
        now.calculated.extend(found);
    }
    now.enabled = enabled(form, answers, &places, &now, zone);
    now
}

/// One calculated value. `None` if there is none yet.
fn value(
    form: &Form,
    expression: &Expr,
    place: &Place,
    root: &Node<'_>,
    writer: &Writer,
    work: &mut Work,
) -> Result<Option<Said>, Problem> {
    let (item, at) = place;
    // What a calculation stands in is what it starts from; a variable, from the item that says it.
    let around = |from: usize| {
        std::iter::successors(Some(from), |at| form.items[*at].parent).find_map(|group| {
            let depth = form.repeating_around(group).len() + usize::from(form.items[group].is_repeating_group());
            let start = writer.starts.get(&(group, at.get(..depth)?.to_vec()))?;
            node_at(root, *start)
        })
    };
    let context = form.items[*item].parent.and_then(around);
    let in_scope: Vec<_> = form
        .variables
        .iter()
        .filter(|variable| {
            variable.at.is_none_or(|said_at| said_at == *item || form.ancestors(*item).any(|a| a == said_at))
        })
        .map(|variable| (&*variable.name, &variable.expression, variable.at.and_then(around)))
        .collect();
    let items = calculate(expression, root, context, &in_scope, work).map_err(|_| Problem::Calculation)?;
    match &items[..] {
        [] => Ok(None),
        [one] => {
            let text = item_text(one).ok_or(Problem::Calculation)?;
            calculated(form, *item, &text).map(Some)
        }
        _ => Err(Problem::Calculation),
    }
}

fn node_at<'n, 'a>(root: &'n Node<'a>, start: usize) -> Option<&'n Node<'a>> {
    let way = way_to(root, start);
    let (of, step) = way.last()?;
    match step {
        Step::Member(name) => of.get(name),
        Step::Index(index) => of.items().get(*index),
    }
}

fn enabled(form: &Form, answers: &Answers, places: &[Vec<Vec<u16>>], now: &Now, zone: &str) -> BTreeSet<Place> {
    let mut enabled = BTreeSet::new();
    for item in form.order.iter().copied() {
        let asked = &form.items[item];
        for at in &places[item] {
            let is_inside = asked.parent.is_none_or(|parent| {
                let depth = form.repeating_around(parent).len();
                enabled.contains(&(parent, at[..depth].to_vec()))
            });
            let mut holds = asked.conditions.iter().map(|condition| {
                let said = said_near(form, answers, now, &enabled, places, (item, at), condition.question, zone);
                holds(condition, &said)
            });
            let is_wanted = asked.conditions.is_empty()
                || if asked.needs_all { holds.all(|holds| holds) } else { holds.any(|holds| holds) };
            if is_inside && is_wanted {
                enabled.insert((item, at.clone()));
            }
        }
    }
    enabled
}

/// The answers to a question as they are seen from an item: those in the same repetition of every group that both are in
/// (R4, `enableWhen.question`: the nearest one).
#[allow(clippy::too_many_arguments, reason = "one walk over what is known so far")]
fn said_near(
    form: &Form,
    answers: &Answers,
    now: &Now,
    enabled: &BTreeSet<Place>,
    places: &[Vec<Vec<u16>>],
    from: (usize, &[u16]),
    question: usize,
    zone: &str,
) -> Vec<Said> {
    let (here, there) = (form.repeating_around(from.0), form.repeating_around(question));
    let shared = here.iter().zip(&there).take_while(|(a, b)| a == b).count();
    let near = places[question].iter().filter(|at| at[..shared] == from.1[..shared]);
    let places = near.map(|at| (question, at.clone())).filter(|place| enabled.contains(place));
    places.flat_map(|place| said_at(form, answers, now, &place, zone)).collect()
}

/// The answers at a place that can be read.
pub(super) fn said_at(form: &Form, answers: &Answers, now: &Now, place: &Place, zone: &str) -> Vec<Said> {
    let item = &form.items[place.0];
    if item.calculation.is_some() {
        return now.calculated.get(place).and_then(|value| value.clone().ok()).into_iter().collect();
    }
    let cells: &[Cell] = answers.cells.get(place).map_or(&[], Vec::as_slice);
    let cells = cells.iter().take(item.answers_max());
    cells.filter_map(|cell| read(item, cell, zone).ok().flatten()).collect()
}

/// R4, `questionnaire-enable-operator`: one answer has to meet it, and for `!=` no answer may be equal.
fn holds(condition: &Condition, said: &[Said]) -> bool {
    let orders = || said.iter().map(|said| said.order(&condition.answer));
    match condition.operator {
        Operator::Exists => condition.answer == Said::Flag(!said.is_empty()),
        Operator::Equal => orders().any(|order| order == Some(Ordering::Equal)),
        Operator::NotEqual => !orders().any(|order| order == Some(Ordering::Equal)),
        Operator::Less => orders().any(|order| order == Some(Ordering::Less)),
        Operator::LessOrEqual => orders().any(|order| matches!(order, Some(Ordering::Less | Ordering::Equal))),
        Operator::Greater => orders().any(|order| order == Some(Ordering::Greater)),
        Operator::GreaterOrEqual => orders().any(|order| matches!(order, Some(Ordering::Greater | Ordering::Equal))),
    }
}

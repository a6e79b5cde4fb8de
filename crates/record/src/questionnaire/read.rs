//! From the JSON of a Questionnaire to a [`Form`].

use super::form::{Choice, Condition, Form, FormError, Item, Kind, Operator, Text, Variable, small};
use super::said::{Said, Unit, ordinal_said};
use super::{CONDITIONS_MAX, DEPTH_MAX, FORM_BYTES_MAX, ITEMS_MAX, OPTIONS_MAX, RANKS_MAX};
use crate::fhirpath::{Decimal, Expr, mentions, parse_calculation};
use crate::json::{self, Node};
use crate::terminology::{self, Concept};
use std::collections::{BTreeMap, BTreeSet};

const R4: &str = "http://hl7.org/fhir/StructureDefinition/";
const SDC: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-";
/// The system of the tag by which a form says who has verified it.
const VERIFIED: &str = "urn:sanad:verified";

/// What decides what is asked, and is not understood here: to leave it out would ask something else.
const REFUSED: [&str; 3] = ["enableWhenExpression", "answerExpression", "itemPopulationContext"];

/// An `enableWhen` as it is written, until all items are known.
struct Written {
    question: String,
    operator: Operator,
    answer: Said,
}

struct Reader<'n> {
    root: &'n Node<'n>,
    language: String,
    items: Vec<Item>,
    by_link_id: BTreeMap<String, usize>,
    written: Vec<Vec<Written>>,
    variables: Vec<Variable>,
}

impl Form {
    /// Reads a Questionnaire.
    ///
    /// # Errors
    /// [`FormError`] names what it is not: a Questionnaire, whole, small enough, free of circles, or understood.
    pub fn read(raw: &[u8]) -> Result<Form, FormError> {
        if raw.len() > FORM_BYTES_MAX {
            return Err(FormError::TooLarge);
        }
        let root = json::parse_object(raw)?;
        if root.get_str("resourceType").as_deref() != Some("Questionnaire") {
            return Err(FormError::NotAQuestionnaire);
        }
        let language = text_of(&root, "language");
        let mut reader = Reader {
            root: &root,
            language,
            items: Vec::new(),
            by_link_id: BTreeMap::new(),
            written: Vec::new(),
            variables: Vec::new(),
        };
        reader.variables(&root, None, "Questionnaire")?;
        let extracts = flag_extension(&root, &[SDC, "observationExtract"].concat()).unwrap_or(false);
        reader.items(&root, None, 0, extracts)?;
        reader.conditions()?;
        let order = reader.order()?;
        let tags = root.get("meta").and_then(|meta| meta.get("tag")).map_or(&[][..], Node::items);
        let tag = tags.iter().find(|tag| tag.get_str("system").as_deref() == Some(VERIFIED));
        let verified = tag.map(|tag| text_of(tag, "code")).filter(|code| code != "no" && !code.is_empty());
        Ok(Form {
            id: text_of(&root, "id"),
            url: text_of(&root, "url"),
            version: text_of(&root, "version"),
            title: reader.text(&root, "title"),
            description: reader.text(&root, "description"),
            copyright: reader.text(&root, "copyright"),
            verified,
            items: reader.items,
            by_link_id: reader.by_link_id,
            order,
            variables: reader.variables,
        })
    }
}

impl<'n> Reader<'n> {
    fn items(&mut self, of: &Node<'_>, parent: Option<usize>, depth: usize, extracts: bool) -> Result<(), FormError> {
        let nodes = of.get("item").map_or(&[][..], Node::items);
        if depth > DEPTH_MAX || self.items.len() + nodes.len() > ITEMS_MAX {
            return Err(FormError::TooLarge);
        }
        for node in nodes {
            let at = self.items.len();
            let extracts = flag_extension(node, &[SDC, "observationExtract"].concat()).unwrap_or(extracts);
            let item = self.item(node, parent, depth, extracts)?;
            if self.by_link_id.insert(item.link_id.clone(), at).is_some() {
                return Err(FormError::DuplicateLinkId(item.link_id));
            }
            let written = written(node, &item.link_id)?;
            self.variables(node, Some(at), &item.link_id)?;
            if let Some(parent) = parent {
                self.items[parent].children.push(at);
                if item.is_help {
                    self.items[parent].help.push(item.text.clone());
                }
            }
            self.items.push(item);
            self.written.push(written);
            self.items(node, Some(at), depth + 1, extracts)?;
        }
        Ok(())
    }

    fn item(&self, node: &Node<'_>, parent: Option<usize>, depth: usize, extracts: bool) -> Result<Item, FormError> {
        let link_id = text_of(node, "linkId");
        if link_id.is_empty() {
            return Err(FormError::NoLinkId);
        }
        let kind = kind_of(&text_of(node, "type")).ok_or_else(|| FormError::UnknownType(link_id.clone()))?;
        for what in REFUSED {
            if extension(node, &[SDC, what].concat()).is_some() {
                return Err(FormError::Unsupported { item: link_id, what: what.to_owned() });
            }
        }
        let calculation = match extension(node, &[SDC, "calculatedExpression"].concat()) {
            Some(found) => Some(expression(found, &link_id)?.1),
            None => None,
        };
        let control = extension(node, &[R4, "questionnaire-itemControl"].concat())
            .and_then(|found| found.get("valueCodeableConcept")?.get("coding")?.items().first()?.get_str("code"));
        let control = control.map(|code| code.into_owned()).unwrap_or_default();
        let count = |name: &str| number_extension(node, &[R4, name].concat());
        let edge = |name: &str| extension(node, &[R4, name].concat()).and_then(value_of);
        let flag = |name: &str| node.get(name).is_some_and(|value| value.text == "true");
        let initial = node.get("initial").map_or(&[][..], Node::items).iter().filter_map(value_of).collect();
        let length_max = node.get("maxLength").and_then(|value| value.text.parse().ok());
        Ok(Item {
            text: self.text(node, "text"),
            prefix: text_of(node, "prefix"),
            help: Vec::new(),
            parent,
            children: Vec::new(),
            depth,
            required: flag("required"),
            repeats: flag("repeats"),
            read_only: flag("readOnly"),
            hidden: flag_extension(node, &[R4, "questionnaire-hidden"].concat()).unwrap_or(false),
            is_help: kind == Kind::Display && control == "help" && parent.is_some(),
            control,
            length_max,
            decimals_max: small(count("maxDecimalPlaces")),
            least: edge("minValue"),
            most: edge("maxValue"),
            occurs_max: small(count("questionnaire-maxOccurs")).map(|most| most as usize),
            units: self.units(node),
            choices: self.choices(node, &link_id)?,
            initial,
            conditions: Vec::new(),
            needs_all: text_of(node, "enableBehavior") == "all",
            calculation,
            rank: 0,
            extracts,
            codes: node.get("code").map_or(&[][..], Node::items).iter().map(|code| code.text.to_owned()).collect(),
            link_id,
            kind,
        })
    }

    /// A text of the form and its translations, which stand beside it.
    fn text(&self, of: &Node<'_>, name: &str) -> Text {
        let beside = of.get(&["_", name].concat());
        let others = beside.and_then(|beside| beside.get("extension")).map_or(&[][..], Node::items);
        let translation = |said: &Node<'_>| {
            let is_one = said.get_str("url").as_deref() == Some(&[R4, "translation"].concat());
            let parts = said.get("extension").filter(|_| is_one)?.items();
            let part = |wanted: &str, names: [&str; 2]| {
                let part = parts.iter().find(|part| part.get_str("url").as_deref() == Some(wanted))?;
                names.iter().find_map(|name| part.get_str(name)).map(|text| text.into_owned())
            };
            Some((part("lang", ["valueCode", "valueString"])?, part("content", ["valueString", "valueMarkdown"])?))
        };
        Text {
            own: text_of(of, name),
            own_language: self.language.clone(),
            others: others.iter().filter_map(translation).collect(),
        }
    }

    fn units(&self, node: &Node<'_>) -> Vec<Unit> {
        let urls = [[R4, "questionnaire-unit"].concat(), [R4, "questionnaire-unitOption"].concat()];
        let extensions = node.get("extension").map_or(&[][..], Node::items).iter();
        let said = extensions.filter(|said| said.get_str("url").is_some_and(|url| urls.iter().any(|u| *u == *url)));
        let mut units: Vec<Unit> = Vec::new();
        for coding in said.filter_map(|said| said.get("valueCoding")).take(OPTIONS_MAX) {
            let mut label = self.text(coding, "display");
            let code = text_of(coding, "code");
            if label.own.is_empty() {
                label.own.clone_from(&code);
            }
            let unit = Unit { system: text_of(coding, "system"), code, label };
            if !unit.token().is_empty() && !units.iter().any(|known| known.token() == unit.token()) {
                units.push(unit);
            }
        }
        units
    }

    fn choices(&self, node: &Node<'_>, link_id: &str) -> Result<Vec<Choice>, FormError> {
        let options = node.get("answerOption").map_or(&[][..], Node::items);
        if options.len() > OPTIONS_MAX {
            return Err(FormError::TooLarge);
        }
        let mut choices: Vec<Choice> = Vec::new();
        for option in options {
            let said = value_of(option).ok_or_else(|| FormError::UnknownType(link_id.to_owned()))?;
            let label = match (&said, option.get("valueCoding")) {
                (Said::Coding { code, display, .. }, Some(coding)) if !display.is_empty() || !code.is_empty() => {
                    let mut label = self.text(coding, "display");
                    if label.own.is_empty() {
                        label.own.clone_from(code);
                    }
                    label
                }
                (Said::Text(_), _) => self.text(option, "valueString"),
                (said, _) => Text { own: said.token(), ..Text::default() },
            };
            let said = said.with_ordinal(ordinal_said(option));
            let is_initial = option.get("initialSelected").is_some_and(|flag| flag.text == "true");
            choices.push(Choice { token: said.token(), label, said, is_initial });
        }
        if let Some(set) = node.get_str("answerValueSet") {
            choices.extend(self.concepts(&set).into_iter().take(OPTIONS_MAX).map(|concept| self.choice(&concept)));
        }
        let mut seen = BTreeSet::new();
        choices.retain(|choice| !choice.token.is_empty() && seen.insert(choice.token.clone()));
        Ok(choices)
    }

    /// The codes of a value set that is in the form or ships with the program. None if it is neither.
    fn concepts(&self, set: &str) -> Vec<Concept> {
        let Some(id) = set.strip_prefix('#') else {
            return terminology::shipped_at(set).map(|set| set.concepts.clone()).unwrap_or_default();
        };
        let contained = self.root.get("contained").map_or(&[][..], Node::items);
        let found = contained.iter().find(|resource| resource.get_str("id").as_deref() == Some(id));
        found.and_then(|found| terminology::expand(found, &|_, _| None).ok()).unwrap_or_default()
    }

    fn choice(&self, concept: &Concept) -> Choice {
        let display = concept.display.as_deref().unwrap_or(&concept.code);
        let mut json = String::from("{");
        if !concept.system.is_empty() {
            json.push_str(&format!("\"system\":{},", json::quote(&concept.system)));
        }
        json.push_str(&format!("\"code\":{},\"display\":{}}}", json::quote(&concept.code), json::quote(display)));
        let said = Said::Coding {
            system: concept.system.clone().into_owned(),
            code: concept.code.clone().into_owned(),
            display: display.to_owned(),
            json,
        };
        let mut label = Text { own: display.to_owned(), own_language: self.language.clone(), others: Vec::new() };
        for designation in &concept.designations {
            let Ok(node) = json::parse(designation.as_bytes()) else { continue };
            label.others.push((text_of(&node, "language"), text_of(&node, "value")));
        }
        Choice { token: said.token(), label, said, is_initial: false }
    }

    fn variables(&mut self, node: &Node<'_>, at: Option<usize>, item: &str) -> Result<(), FormError> {
        for said in node.get("extension").map_or(&[][..], Node::items) {
            if said.get_str("url").as_deref() != Some(&[R4, "variable"].concat()) {
                continue;
            }
            let (name, expression) = expression(said, item)?;
            let known = |other: &str| self.variables.iter().any(|known| known.name == other);
            if name.is_empty() || known(&name) || self.variables.len() == ITEMS_MAX {
                return Err(FormError::Calculation { item: item.to_owned(), why: format!("the variable {name}") });
            }
            // From those before it alone: so no circle of variables can be written.
            let (_, asked) = mentions(&expression);
            if asked.contains(&name.as_str()) {
                return Err(FormError::Circle(vec![format!("%{name}")]));
            }
            if let Some(unknown) = asked.into_iter().find(|asked| !known(asked)) {
                return Err(FormError::Calculation { item: item.to_owned(), why: format!("%{unknown} is not known") });
            }
            self.variables.push(Variable { name, expression, at });
        }
        Ok(())
    }

    fn conditions(&mut self) -> Result<(), FormError> {
        for (at, written) in std::mem::take(&mut self.written).into_iter().enumerate() {
            for condition in written {
                let Some(question) = self.by_link_id.get(&condition.question).copied() else {
                    let item = self.items[at].link_id.clone();
                    return Err(FormError::UnknownQuestion { item, question: condition.question });
                };
                let Written { operator, answer, .. } = condition;
                self.items[at].conditions.push(Condition { question, operator, answer });
            }
        }
        Ok(())
    }

    /// The items that each item has to wait for: what its conditions and its calculation name, and what it stands in.
    fn needs(&self) -> Result<Vec<BTreeSet<usize>>, FormError> {
        let mut all = Vec::with_capacity(self.items.len());
        for (at, item) in self.items.iter().enumerate() {
            let mut needs: BTreeSet<usize> = item.conditions.iter().map(|condition| condition.question).collect();
            needs.extend(item.parent);
            let mut left: Vec<&Expr> = item.calculation.iter().collect();
            let mut seen = BTreeSet::new();
            while let Some(expression) = left.pop() {
                let (texts, variables) = mentions(expression);
                needs.extend(texts.into_iter().filter_map(|text| self.by_link_id.get(text)).copied());
                for name in variables {
                    let variable = self.variables.iter().find(|known| known.name == name);
                    let in_scope = |said_at: usize| said_at == at || self.is_within(at, said_at);
                    let Some(variable) = variable.filter(|known| known.at.is_none_or(in_scope)) else {
                        let why = format!("%{name} is not known");
                        return Err(FormError::Calculation { item: item.link_id.clone(), why });
                    };
                    if seen.insert(name) {
                        left.push(&variable.expression);
                    }
                }
            }
            all.push(needs);
        }
        Ok(all)
    }

    fn is_within(&self, item: usize, group: usize) -> bool {
        std::iter::successors(self.items[item].parent, |at| self.items[*at].parent).any(|at| at == group)
    }

    /// The items in an order in which each can be judged, and how many calculations come before each.
    fn order(&mut self) -> Result<Vec<usize>, FormError> {
        let needs = self.needs()?;
        let mut waiting: Vec<usize> = needs.iter().map(BTreeSet::len).collect();
        let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
        for (at, needs) in needs.iter().enumerate() {
            needs.iter().for_each(|need| needed_by[*need].push(at));
        }
        let mut order: Vec<usize> = (0..waiting.len()).filter(|at| waiting[*at] == 0).collect();
        let mut next = 0;
        while let Some(at) = order.get(next).copied() {
            next += 1;
            let item = &mut self.items[at];
            item.rank += u32::from(item.calculation.is_some());
            let rank = item.rank;
            if rank > RANKS_MAX {
                return Err(FormError::TooLarge);
            }
            for later in &needed_by[at] {
                self.items[*later].rank = self.items[*later].rank.max(rank);
                waiting[*later] -= 1;
                if waiting[*later] == 0 {
                    order.push(*later);
                }
            }
        }
        if order.len() == needs.len() { Ok(order) } else { Err(FormError::Circle(self.circle(&needs, &waiting))) }
    }

    /// One circle among the items that still wait: from each to one that it needs, until one comes again.
    fn circle(&self, needs: &[BTreeSet<usize>], waiting: &[usize]) -> Vec<String> {
        let mut way: Vec<usize> = Vec::new();
        let mut at = waiting.iter().position(|count| *count > 0);
        while let Some(item) = at {
            if let Some(from) = way.iter().position(|seen| *seen == item) {
                way.drain(..from);
                break;
            }
            way.push(item);
            at = needs[item].iter().copied().find(|need| waiting[*need] > 0);
        }
        way.into_iter().map(|item| self.items[item].link_id.clone()).collect()
    }
}

fn text_of(node: &Node<'_>, name: &str) -> String {
    node.get_str(name).map(|text| text.into_owned()).unwrap_or_default()
}

fn extension<'n, 'a>(node: &'n Node<'a>, url: &str) -> Option<&'n Node<'a>> {
    let extensions = node.get("extension").map_or(&[][..], Node::items);
    extensions.iter().find(|extension| extension.get_str("url").as_deref() == Some(url))
}

fn flag_extension(node: &Node<'_>, url: &str) -> Option<bool> {
    extension(node, url)?.get("valueBoolean").map(|flag| flag.text == "true")
}

fn number_extension(node: &Node<'_>, url: &str) -> Option<Decimal> {
    Decimal::read(extension(node, url)?.get("valueInteger")?.text)
}

/// The `value[x]` of an extension, an option or an initial value.
fn value_of(node: &Node<'_>) -> Option<Said> {
    node.members().iter().find_map(|member| Said::of(member.key.strip_prefix("value")?, &member.value))
}

/// The name and the text of an Expression in FHIRPath.
fn expression(extension: &Node<'_>, item: &str) -> Result<(String, Expr), FormError> {
    let error = |why: String| FormError::Calculation { item: item.to_owned(), why };
    let said = extension.get("valueExpression").ok_or_else(|| error("no expression".to_owned()))?;
    if text_of(said, "language") != "text/fhirpath" {
        return Err(error("not in text/fhirpath".to_owned()));
    }
    let parsed = parse_calculation(&text_of(said, "expression")).map_err(|why| error(why.to_string()))?;
    Ok((text_of(said, "name"), parsed))
}

fn written(node: &Node<'_>, link_id: &str) -> Result<Vec<Written>, FormError> {
    let error = || FormError::Condition(link_id.to_owned());
    let mut conditions = Vec::new();
    if node.get("enableWhen").is_some_and(|all| all.items().len() > CONDITIONS_MAX) {
        return Err(FormError::TooLarge);
    }
    for condition in node.get("enableWhen").map_or(&[][..], Node::items) {
        let operator = match text_of(condition, "operator").as_str() {
            "exists" => Operator::Exists,
            "=" => Operator::Equal,
            "!=" => Operator::NotEqual,
            "<" => Operator::Less,
            "<=" => Operator::LessOrEqual,
            ">" => Operator::Greater,
            ">=" => Operator::GreaterOrEqual,
            _ => return Err(error()),
        };
        let answer = |member: &json::Member<'_>| Said::of(member.key.strip_prefix("answer")?, &member.value);
        let answer = condition.members().iter().find_map(answer).ok_or_else(error)?;
        if operator == Operator::Exists && !matches!(answer, Said::Flag(_)) {
            return Err(error());
        }
        conditions.push(Written { question: text_of(condition, "question"), operator, answer });
    }
    Ok(conditions)
}

fn kind_of(name: &str) -> Option<Kind> {
    Some(match name {
        "group" => Kind::Group,
        "display" => Kind::Display,
        // R4 has it as the kind above all questions; as it says nothing more, a text answers it.
        "question" | "string" => Kind::String,
        "boolean" => Kind::Boolean,
        "decimal" => Kind::Decimal,
        "integer" => Kind::Integer,
        "date" => Kind::Date,
        "dateTime" => Kind::DateTime,
        "time" => Kind::Time,
        "text" => Kind::Text,
        "url" => Kind::Url,
        "choice" => Kind::Choice,
        "open-choice" => Kind::OpenChoice,
        "attachment" => Kind::Attachment,
        "reference" => Kind::Reference,
        "quantity" => Kind::Quantity,
        _ => return None,
    })
}

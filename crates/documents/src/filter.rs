//! Filters, and if a document fulfils one.
//!
//! A document is looked at without allocation. What a filter may say is `query/validate.rs`. Firestore specification,
//! section 7.2.

use std::cmp::Ordering;

use firekeep_model::{DocumentPath, FieldRef, TypeGroup, Value};

use crate::{Error, Fields};

/// What a document must fulfil.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// All of these.
    And(Vec<Self>),
    /// At least one of these.
    Or(Vec<Self>),
    /// A condition on one field.
    Field(FieldFilter),
}

/// A condition on one field. A document without the field never fulfils it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldFilter {
    /// Which field.
    pub field: FieldRef,
    /// What is asked of its value.
    pub condition: Condition,
}

/// What is asked of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// How it compares.
    Compare(Comparison, Value),
    /// Equal to one of these; null and NaN among them are ignored.
    In(Vec<Value>),
    /// Neither null nor equal to one of these; null among them makes it false.
    NotIn(Vec<Value>),
    /// An array with an element equal to this one; never null or NaN.
    ArrayContains(Value),
    /// An array with an element equal to one of these; null and NaN among them are ignored.
    ArrayContainsAny(Vec<Value>),
    /// Null.
    IsNull,
    /// Anything but null.
    IsNotNull,
    /// NaN.
    IsNan,
    /// Anything but null and NaN.
    IsNotNan,
}

/// How two values compare. All but (in)equality ask for values of one group, and are false for null and NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Comparison {
    /// Equal.
    Equal,
    /// Not equal, and not null.
    NotEqual,
    /// Less.
    Less,
    /// Less or equal.
    LessOrEqual,
    /// Greater.
    Greater,
    /// Greater or equal.
    GreaterOrEqual,
}

/// A condition that cannot be taken apart into several: what is left of filters in `dnf.rs`. `IS_NULL` and `IS_NAN`
/// are `Equal`, their opposites `NotEqual`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term<'q> {
    /// Which field.
    pub field: &'q FieldRef,
    /// What is asked of its value.
    pub test: Test<'q>,
}

/// What a [`Term`] asks of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test<'q> {
    /// As [`Condition::Compare`].
    Compare(Comparison, &'q Value),
    /// As [`Condition::NotIn`].
    NotIn(&'q [Value]),
    /// As [`Condition::ArrayContains`].
    ArrayContains(&'q Value),
}

/// What `IS_NULL` compares with.
static NULL: Value = Value::Null;

/// What `IS_NAN` compares with.
static NAN: Value = Value::double(f64::NAN);

impl Filter {
    /// A condition on a field.
    #[must_use]
    pub const fn field(field: FieldRef, condition: Condition) -> Self {
        Self::Field(FieldFilter { field, condition })
    }

    /// If a document fulfils the filter.
    ///
    /// # Errors
    /// As [`Fields::field`].
    pub fn matches(&self, document: &impl Fields) -> Result<bool, Error> {
        match self {
            Self::And(children) => {
                for child in children {
                    if !child.matches(document)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Or(children) => {
                for child in children {
                    if child.matches(document)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Field(filter) => filter.matches(document),
        }
    }

    /// Shows every condition in it.
    pub fn visit<'q>(&'q self, see: &mut impl FnMut(&'q FieldFilter)) {
        match self {
            Self::And(children) | Self::Or(children) => {
                for child in children {
                    child.visit(see);
                }
            }
            Self::Field(filter) => see(filter),
        }
    }
}

impl FieldFilter {
    /// If a document fulfils it.
    ///
    /// # Errors
    /// As [`Fields::field`].
    pub fn matches(&self, document: &impl Fields) -> Result<bool, Error> {
        match &self.field {
            FieldRef::DocumentName => Ok(self.condition.matches(&document.path())),
            FieldRef::Field(path) => {
                let value = document.field(path)?;
                Ok(value.is_some_and(|value| self.condition.matches(&*value)))
            }
        }
    }
}

impl Condition {
    /// If it makes the query's order: everything but equality and arrays. Source: specification, section 7.4.
    #[must_use]
    pub const fn is_inequality(&self) -> bool {
        match self {
            Self::Compare(Comparison::Equal, _)
            | Self::In(_)
            | Self::ArrayContains(_)
            | Self::ArrayContainsAny(_)
            | Self::IsNull
            | Self::IsNan => false,
            Self::Compare(_, _) | Self::NotIn(_) | Self::IsNotNull | Self::IsNotNan => true,
        }
    }

    /// If it says what a value is not: the cloud takes one such condition in a query.
    #[must_use]
    pub const fn is_negation(&self) -> bool {
        matches!(
            self,
            Self::Compare(Comparison::NotEqual, _)
                | Self::NotIn(_)
                | Self::IsNotNull
                | Self::IsNotNan
        )
    }

    /// Shows the tests of which a value must pass one.
    pub(crate) fn tests<'q>(&'q self, see: &mut impl FnMut(Test<'q>)) {
        use Comparison::{Equal, NotEqual};
        match self {
            Self::Compare(comparison, operand) => see(Test::Compare(*comparison, operand)),
            Self::In(list) => {
                let elements = list.iter().filter(|element| !is_nothing(element));
                elements.for_each(|element| see(Test::Compare(Equal, element)));
            }
            Self::NotIn(list) => see(Test::NotIn(list)),
            Self::ArrayContains(element) => see(Test::ArrayContains(element)),
            Self::ArrayContainsAny(list) => {
                list.iter()
                    .for_each(|element| see(Test::ArrayContains(element)));
            }
            Self::IsNull => see(Test::Compare(Equal, &NULL)),
            Self::IsNotNull => see(Test::Compare(NotEqual, &NULL)),
            Self::IsNan => see(Test::Compare(Equal, &NAN)),
            Self::IsNotNan => see(Test::Compare(NotEqual, &NAN)),
        }
    }

    fn matches(&self, subject: &impl Subject) -> bool {
        use Comparison::{Equal, NotEqual};
        match self {
            Self::Compare(comparison, operand) => comparison.holds(subject, operand),
            Self::In(list) => list
                .iter()
                .any(|element| !is_nothing(element) && Equal.holds(subject, element)),
            Self::NotIn(list) => not_in(subject, list),
            Self::ArrayContains(element) => array_contains(subject, element),
            Self::ArrayContainsAny(list) => {
                list.iter().any(|element| array_contains(subject, element))
            }
            Self::IsNull => Equal.holds(subject, &NULL),
            Self::IsNotNull => NotEqual.holds(subject, &NULL),
            Self::IsNan => Equal.holds(subject, &NAN),
            Self::IsNotNan => NotEqual.holds(subject, &NAN),
        }
    }
}

impl Term<'_> {
    /// If a document fulfils it.
    ///
    /// # Errors
    /// As [`Fields::field`].
    pub fn matches(&self, document: &impl Fields) -> Result<bool, Error> {
        match self.field {
            FieldRef::DocumentName => Ok(self.test.matches_subject(&document.path())),
            FieldRef::Field(path) => {
                let value = document.field(path)?;
                Ok(value.is_some_and(|value| self.test.matches(&value)))
            }
        }
    }
}

impl Test<'_> {
    /// If a field's value passes.
    #[must_use]
    pub fn matches(&self, value: &Value) -> bool {
        self.matches_subject(value)
    }

    /// If no value at all can pass.
    #[must_use]
    pub fn is_never(&self) -> bool {
        match self {
            Self::Compare(Comparison::Equal | Comparison::NotEqual, _) => false,
            Self::Compare(_, operand) | Self::ArrayContains(operand) => is_nothing(operand),
            Self::NotIn(list) => list.iter().any(|element| matches!(element, Value::Null)),
        }
    }

    fn matches_subject(&self, subject: &impl Subject) -> bool {
        match self {
            Self::Compare(comparison, operand) => comparison.holds(subject, operand),
            Self::NotIn(list) => not_in(subject, list),
            Self::ArrayContains(element) => array_contains(subject, element),
        }
    }
}

impl Comparison {
    /// If this is `<`, `<=`, `>` or `>=`.
    #[must_use]
    pub const fn is_range(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }

    fn holds(self, subject: &impl Subject, operand: &Value) -> bool {
        if self.is_range() && (is_nothing(operand) || subject.group() != operand.group()) {
            return false;
        }
        let order = subject.order(operand);
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne() && subject.group() != TypeGroup::Null,
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

fn not_in(subject: &impl Subject, list: &[Value]) -> bool {
    subject.group() != TypeGroup::Null
        && list
            .iter()
            .all(|element| !matches!(element, Value::Null) && subject.order(element).is_ne())
}

fn array_contains(subject: &impl Subject, element: &Value) -> bool {
    !is_nothing(element)
        && subject
            .elements()
            .iter()
            .any(|own| own.compare(element).is_eq())
}

/// Null and NaN: what no range holds and most lists ignore.
const fn is_nothing(value: &Value) -> bool {
    matches!(value.group(), TypeGroup::Null | TypeGroup::Nan)
}

/// What is compared: a value, or a document's name without a value made of it.
trait Subject {
    fn group(&self) -> TypeGroup;
    fn order(&self, operand: &Value) -> Ordering;
    fn elements(&self) -> &[Value];
}

impl Subject for Value {
    fn group(&self) -> TypeGroup {
        Self::group(self)
    }

    fn order(&self, operand: &Value) -> Ordering {
        self.compare(operand)
    }

    fn elements(&self) -> &[Value] {
        match self {
            Self::Array(elements) => elements,
            _ => &[],
        }
    }
}

impl Subject for &DocumentPath {
    fn group(&self) -> TypeGroup {
        TypeGroup::Reference
    }

    fn order(&self, operand: &Value) -> Ordering {
        compare_name(self, operand)
    }

    fn elements(&self) -> &[Value] {
        &[]
    }
}

/// The order of a document's name and a value, which in a checked query is a reference into the same database.
pub(crate) fn compare_name(path: &DocumentPath, operand: &Value) -> Ordering {
    match operand {
        Value::Reference(name) => path.cmp(&name.path),
        _ => TypeGroup::Reference.cmp(&operand.group()),
    }
}

#[cfg(test)]
mod tests;

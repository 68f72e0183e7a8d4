//! Counts, sums and averages.
//!
//! Sums are exact until they are read, so an index that is read in any order, or in parts, gives the same answer as
//! the documents do. Firestore specification, section 7.7.

mod exact_sum;

use std::collections::BTreeSet;

use firekeep_model::limits::FIELD_NAME_BYTES_MAX;
use firekeep_model::{DatabaseName, FieldPath, FieldPathError, FieldRef, Value};

use crate::query::{Direction, InvalidQuery, Order, Query, Strictness};
use crate::{Error, Fields};
use exact_sum::ExactSum;

/// Aggregations of one query. [`InvalidQuery::TooManyAggregations`]. Source: specification, section 1.4.
pub const AGGREGATIONS_MAX: usize = 5;

/// A query of which only numbers are wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregationQuery {
    /// Which documents. Its limit and offset count before anything is aggregated.
    pub query: Query,
    /// What is wanted of them: 1 to [`AGGREGATIONS_MAX`].
    pub aggregations: Vec<Aggregation>,
}

/// A number wanted of many documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregation {
    /// The name of the result. Without one it is `field_1`, `field_2`…
    pub alias: Option<Box<str>>,
    /// What is computed.
    pub operator: Operator,
}

/// What is computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operator {
    /// How many documents there are.
    Count {
        /// The most to count; counting may stop there.
        up_to: Option<u64>,
    },
    /// The sum of a field's numbers.
    Sum(FieldPath),
    /// The average of a field's numbers.
    Average(FieldPath),
}

impl Operator {
    /// The field that is aggregated.
    #[must_use]
    pub const fn field(&self) -> Option<&FieldPath> {
        match self {
            Self::Count { .. } => None,
            Self::Sum(field) | Self::Average(field) => Some(field),
        }
    }
}

impl AggregationQuery {
    /// Checks every rule, those of the query too.
    ///
    /// # Errors
    /// Every [`InvalidQuery`] but those for the edges.
    pub fn validate(
        &self,
        database: &DatabaseName,
        strictness: Strictness,
    ) -> Result<(), InvalidQuery> {
        self.query.validate(database, strictness)?;
        match self.aggregations.len() {
            0 => return Err(InvalidQuery::NoAggregations),
            count if count > AGGREGATIONS_MAX => {
                return Err(InvalidQuery::TooManyAggregations(count));
            }
            _ => {}
        }
        let mut before = BTreeSet::new();
        for alias in self.aliases() {
            check_alias(&alias)?;
            if !before.insert(alias.clone()) {
                return Err(InvalidQuery::DuplicateAlias(alias));
            }
        }
        if let (Strictness::Cloud, Some(select)) = (strictness, &self.query.select)
            && let Some(field) = self.fields().find(|field| !select.covers(field))
        {
            return Err(InvalidQuery::AggregationNotSelected(field.clone()));
        }
        Ok(())
    }

    /// The names of the results, in the order of the aggregations. Those without a name are numbered among themselves.
    #[must_use]
    pub fn aliases(&self) -> Vec<Box<str>> {
        let mut unnamed = 0;
        let aliases = self.aggregations.iter();
        aliases
            .map(|aggregation| match &aggregation.alias {
                Some(alias) => alias.clone(),
                None => {
                    unnamed += 1;
                    format!("field_{unnamed}").into()
                }
            })
            .collect()
    }

    /// The query, with its order extended as that of inequalities is: by the aggregated fields, sorted, in the direction of
    /// the last explicit order. It decides what a limit leaves in. Not where a cursor or an explicit order goes by the
    /// name already.
    ///
    /// COMPAT: as the official emulator; the specification is silent (section 7.7).
    #[must_use]
    pub fn ordered(&self) -> Query {
        let mut query = self.query.clone();
        let mut orders = query.normal_order();
        let is_name = |order: &Order| order.field == FieldRef::DocumentName;
        let cursors = [&query.start_at, &query.end_at].into_iter().flatten();
        let by_name = cursors.map(|cursor| cursor.values.len()).max() >= Some(orders.len());
        if by_name || query.find_nearest.is_some() || query.order_by.iter().any(is_name) {
            return query;
        }
        orders.retain(|order| !is_name(order));
        let direction = query
            .order_by
            .last()
            .map_or(Direction::Ascending, |last| last.direction);
        for path in self.fields().collect::<BTreeSet<_>>() {
            let field = FieldRef::Field(path.clone());
            if orders.iter().all(|order| order.field != field) {
                orders.push(Order { field, direction });
            }
        }
        query.order_by = orders;
        query
    }

    /// The fields that are aggregated. A document that lacks one of them is not in the query at all: neither for its
    /// limit, nor for a count beside a sum.
    pub fn fields(&self) -> impl Iterator<Item = &FieldPath> {
        self.aggregations
            .iter()
            .filter_map(|aggregation| aggregation.operator.field())
    }

    /// If a document has every field that is aggregated.
    ///
    /// # Errors
    /// As [`Fields::field`].
    pub fn has_fields(&self, document: &impl Fields) -> Result<bool, Error> {
        for field in self.fields() {
            if document.field(field)?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Accumulators for the aggregations, in their order.
    #[must_use]
    pub fn accumulators(&self) -> Vec<Accumulator> {
        let operators = self.aggregations.iter();
        operators
            .map(|aggregation| Accumulator::new(&aggregation.operator))
            .collect()
    }
}

fn check_alias(alias: &str) -> Result<(), InvalidQuery> {
    if alias.len() > FIELD_NAME_BYTES_MAX {
        return Err(InvalidQuery::AliasTooLong);
    }
    match FieldPath::new([alias]) {
        Err(FieldPathError::Reserved(alias)) => Err(InvalidQuery::AliasReserved(alias)),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// What has been aggregated so far.
#[derive(Clone, Debug)]
pub enum Accumulator {
    /// Of [`Operator::Count`].
    Count {
        /// Documents so far.
        count: u64,
        /// The most to count.
        up_to: u64,
    },
    /// Of [`Operator::Sum`].
    Sum(FieldPath, Numbers),
    /// Of [`Operator::Average`].
    Average(FieldPath, Numbers),
}

impl Accumulator {
    /// Nothing yet.
    #[must_use]
    pub fn new(operator: &Operator) -> Self {
        let numbers = Numbers::default();
        match operator {
            Operator::Count { up_to } => Self::Count {
                count: 0,
                up_to: up_to.unwrap_or(u64::MAX),
            },
            Operator::Sum(field) => Self::Sum(field.clone(), numbers),
            Operator::Average(field) => Self::Average(field.clone(), numbers),
        }
    }

    /// Takes a document in.
    ///
    /// # Errors
    /// As [`Fields::field`].
    pub fn add(&mut self, document: &impl Fields) -> Result<(), Error> {
        match self {
            Self::Count { .. } => self.count(1),
            Self::Sum(field, numbers) | Self::Average(field, numbers) => {
                if let Some(value) = document.field(field)? {
                    numbers.add(&value);
                }
            }
        }
        Ok(())
    }

    /// Counts documents that nobody looked into.
    pub fn count(&mut self, documents: u64) {
        if let Self::Count { count, up_to } = self {
            *count = count.saturating_add(documents).min(*up_to);
        }
    }

    /// If further documents change nothing.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        match self {
            Self::Count { count, up_to } => *count >= *up_to,
            Self::Sum(..) | Self::Average(..) => false,
        }
    }

    /// The result.
    #[must_use]
    pub fn result(&self) -> Value {
        match self {
            Self::Count { count, .. } => i64::try_from(*count).unwrap_or(i64::MAX).into(),
            Self::Sum(_, numbers) => numbers.sum(),
            Self::Average(_, numbers) => numbers.average(),
        }
    }
}

/// Numbers that are added up. Their order does not matter.
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    count: u64,
    integers: i128,
    /// `None` while there are only integers.
    doubles: Option<Box<ExactSum>>,
}

impl Numbers {
    /// Takes a value in, if it is a number.
    pub fn add(&mut self, value: &Value) {
        match value {
            // 2^64 integers of 64 bits fit.
            Value::Integer(value) => self.integers += i128::from(*value),
            Value::Double(value) => self.doubles.get_or_insert_default().add(*value),
            _ => return,
        }
        self.count += 1;
    }

    /// Takes in what another one has: parts of an index can be read side by side.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.integers += other.integers;
        if let Some(doubles) = &other.doubles {
            self.doubles.get_or_insert_default().merge(doubles);
        }
    }

    /// The sum: an integer if every number is one and the sum fits, else a double. 0 of nothing.
    #[must_use]
    pub fn sum(&self) -> Value {
        match (&self.doubles, i64::try_from(self.integers)) {
            (None, Ok(sum)) => sum.into(),
            _ => self.as_double().into(),
        }
    }

    /// The average: a double, or null of nothing.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "fewer than 2^53 documents")]
    pub fn average(&self) -> Value {
        match self.count {
            0 => Value::Null,
            count => (self.as_double() / count as f64).into(),
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "the nearest double is asked for"
    )]
    fn as_double(&self) -> f64 {
        match &self.doubles {
            None => self.integers as f64,
            Some(doubles) => {
                let mut all = doubles.clone();
                all.add_integer(self.integers);
                all.round()
            }
        }
    }
}

#[cfg(test)]
mod tests;

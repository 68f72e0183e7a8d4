//! The rules that a query must keep.
//!
//! Some rules of the cloud refuse what can well be answered; they hold only where a database asks for them. Firestore
//! specification, sections 1.4, 7.2 to 7.5 and 7.9.

use std::collections::BTreeSet;

use firekeep_model::{DatabaseName, FieldPath, FieldPathError, FieldRef, Value};

use super::{Cursor, FindNearest, InvalidQuery, NEAREST_LIMIT_MAX, Order, Query};
use crate::dnf::Dnf;
use crate::filter::{Condition, FieldFilter, Filter, Test};

/// Disjunctions in normal form, and elements of `IN` and `ARRAY_CONTAINS_ANY`.
/// [`InvalidQuery::TooManyDisjunctions`], [`InvalidQuery::LongList`]. Source: specification, section 1.4.
pub const DISJUNCTIONS_MAX: usize = 30;

/// Elements of `NOT_IN`. [`InvalidQuery::LongList`]. Source: specification, section 1.4.
pub const NOT_IN_VALUES_MAX: usize = 10;

/// Fields with inequality filters. [`InvalidQuery::TooManyInequalityFields`]. Source: specification, section 1.4.
pub const INEQUALITY_FIELDS_MAX: usize = 10;

/// Filters and orders together, and one for a parent that is a document. [`InvalidQuery::TooManyParts`].
/// Source: specification, section 1.4. The official emulator does not count.
pub const PARTS_MAX: usize = 100;

/// AND and OR inside each other; what is evaluated by recursion must be bounded. [`InvalidQuery::FilterTooDeep`].
pub const FILTER_DEPTH_MAX: usize = 100;

/// Which rules hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// Those without which there is no right answer, and every limit.
    #[default]
    Lenient,
    /// Those of the cloud: what works here works there.
    Cloud,
}

impl Query {
    /// Checks every rule.
    ///
    /// # Errors
    /// Every [`InvalidQuery`] but those for the edges and of aggregations.
    pub fn validate(
        &self,
        database: &DatabaseName,
        strictness: Strictness,
    ) -> Result<(), InvalidQuery> {
        self.collection_path()?;
        let mut filters = 0;
        if let Some(filter) = &self.filter {
            let mut survey = Survey::new(database);
            survey.take(filter, 0)?;
            survey.check(strictness)?;
            filters = survey.filters;
            // The normal form of very many filters is much work, even where it is small.
            self.check_parts(filters)?;
            let whole = Dnf::whole(filter)?;
            if strictness == Strictness::Cloud {
                check_array_filters(&whole)?;
                let counted = Dnf::counted(filter);
                if counted > DISJUNCTIONS_MAX {
                    return Err(InvalidQuery::TooManyDisjunctions(counted));
                }
            }
        }
        self.check_parts(filters)?;
        check_orders(&self.order_by)?;
        self.check_kind()?;
        if strictness == Strictness::Cloud {
            self.check_group()?;
        }
        let normal = self.normal_order();
        let is_name_last = (normal.last()).is_some_and(|last| last.field == FieldRef::DocumentName);
        if strictness == Strictness::Cloud && !is_name_last {
            return Err(InvalidQuery::OrderBehindName);
        }
        let orders = match strictness {
            Strictness::Lenient => &normal,
            // COMPAT: no value for what is ordered without being asked for.
            Strictness::Cloud => &self.order_by,
        };
        for cursor in [&self.start_at, &self.end_at].into_iter().flatten() {
            check_cursor(cursor, orders, database)?;
        }
        match &self.find_nearest {
            Some(nearest) => self.check_nearest(nearest),
            None => Ok(()),
        }
    }

    fn check_parts(&self, filters: usize) -> Result<(), InvalidQuery> {
        let parts = filters + self.order_by.len() + usize::from(self.parent.is_some());
        match parts > PARTS_MAX {
            true => Err(InvalidQuery::TooManyParts(parts)),
            false => Ok(()),
        }
    }

    /// A collection group below a document has no indexes in the cloud.
    fn check_group(&self) -> Result<(), InvalidQuery> {
        if !self.from.all_descendants || self.parent.is_none() {
            return Ok(());
        }
        let by_name = [Order::ascending(FieldRef::DocumentName)];
        if self.field_filtered().is_some() || self.normal_order() != by_name {
            return Err(InvalidQuery::GroupBelowDocument);
        }
        Ok(())
    }

    /// A field that is filtered and not the name.
    fn field_filtered(&self) -> Option<&FieldRef> {
        let mut found = None;
        if let Some(filter) = &self.filter {
            filter.visit(&mut |filter| {
                if filter.field != FieldRef::DocumentName {
                    found.get_or_insert(&filter.field);
                }
            });
        }
        found
    }

    /// Without a collection id, documents come as they are stored, and by name.
    fn check_kind(&self) -> Result<(), InvalidQuery> {
        if self.from.collection.is_some() {
            return Ok(());
        }
        if let Some(field) = self.field_filtered() {
            return Err(InvalidQuery::FilterWithoutKind(field.clone()));
        }
        let by_name = [Order::ascending(FieldRef::DocumentName)];
        if !self.order_by.is_empty() && self.order_by != by_name {
            return Err(InvalidQuery::OrderWithoutKind);
        }
        Ok(())
    }

    fn check_nearest(&self, nearest: &FindNearest) -> Result<(), InvalidQuery> {
        if !(1..=NEAREST_LIMIT_MAX).contains(&nearest.limit) {
            return Err(InvalidQuery::NearestLimit);
        }
        if self.limit.is_some() {
            return Err(InvalidQuery::LimitWithNearest);
        }
        if self.offset > 0 {
            return Err(InvalidQuery::OffsetWithNearest);
        }
        if self.start_at.is_some() || self.end_at.is_some() {
            return Err(InvalidQuery::CursorWithNearest);
        }
        match nearest.distance_result_field.as_deref() {
            Some(name) => match FieldPath::new([name]) {
                Ok(_) => Ok(()),
                Err(FieldPathError::Reserved(name)) => Err(InvalidQuery::DistanceReserved(name)),
                Err(_) => Err(InvalidQuery::DistanceLength),
            },
            None => Ok(()),
        }
    }
}

/// What is counted over all filters of a query.
struct Survey<'q> {
    database: &'q DatabaseName,
    filters: usize,
    negations: usize,
    has_not_in: bool,
    has_or: bool,
    /// `==` and `IN` on the document's name.
    has_name_equality: bool,
    inequalities: BTreeSet<&'q FieldRef>,
}

impl<'q> Survey<'q> {
    const fn new(database: &'q DatabaseName) -> Self {
        Self {
            database,
            filters: 0,
            negations: 0,
            has_not_in: false,
            has_or: false,
            has_name_equality: false,
            inequalities: BTreeSet::new(),
        }
    }

    fn take(&mut self, filter: &'q Filter, depth: usize) -> Result<(), InvalidQuery> {
        if depth > FILTER_DEPTH_MAX {
            return Err(InvalidQuery::FilterTooDeep);
        }
        match filter {
            Filter::And(children) | Filter::Or(children) if children.is_empty() => {
                Err(InvalidQuery::EmptyComposite)
            }
            Filter::And(children) => children
                .iter()
                .try_for_each(|child| self.take(child, depth + 1)),
            Filter::Or(children) => {
                self.has_or = true;
                children
                    .iter()
                    .try_for_each(|child| self.take(child, depth + 1))
            }
            Filter::Field(filter) => self.take_field(filter),
        }
    }

    fn take_field(&mut self, filter: &'q FieldFilter) -> Result<(), InvalidQuery> {
        self.filters += 1;
        if filter.condition.is_inequality() {
            self.inequalities.insert(&filter.field);
        }
        self.negations += usize::from(filter.condition.is_negation());
        match &filter.condition {
            Condition::NotIn(list) => {
                self.has_not_in = true;
                check_list("NOT_IN", list, NOT_IN_VALUES_MAX)?;
            }
            Condition::In(list) => {
                self.has_or = true;
                check_list("IN", list, DISJUNCTIONS_MAX)?;
            }
            Condition::ArrayContainsAny(list) => {
                self.has_or = true;
                check_list("ARRAY_CONTAINS_ANY", list, DISJUNCTIONS_MAX)?;
            }
            _ => {}
        }
        match &filter.field {
            FieldRef::DocumentName => {
                self.has_name_equality |= !filter.condition.is_inequality();
                self.check_names(&filter.condition)
            }
            FieldRef::Field(_) => Ok(()),
        }
    }

    /// Names are compared with names of the same database.
    fn check_names(&self, condition: &Condition) -> Result<(), InvalidQuery> {
        let operands = match condition {
            Condition::Compare(_, value) => std::slice::from_ref(value),
            Condition::In(list) | Condition::NotIn(list) => list,
            Condition::ArrayContains(_) | Condition::ArrayContainsAny(_) => {
                return Err(InvalidQuery::NameIsNoArray);
            }
            Condition::IsNull | Condition::IsNotNull | Condition::IsNan | Condition::IsNotNan => {
                return Err(InvalidQuery::NameFilterValue);
            }
        };
        operands.iter().try_for_each(|operand| match operand {
            Value::Reference(name) if name.database == *self.database => Ok(()),
            Value::Reference(name) => Err(InvalidQuery::OtherDatabase {
                expected: self.database.clone(),
                found: name.database.clone(),
            }),
            _ => Err(InvalidQuery::NameFilterValue),
        })
    }

    fn check(&self, strictness: Strictness) -> Result<(), InvalidQuery> {
        if strictness == Strictness::Cloud {
            if self.negations > 1 {
                return Err(InvalidQuery::SeveralNegations);
            }
            if self.has_not_in && self.has_or {
                return Err(InvalidQuery::NotInWithOr);
            }
            if self.has_name_equality
                && !self.inequalities.is_empty()
                && !self.inequalities.contains(&FieldRef::DocumentName)
            {
                return Err(InvalidQuery::NameEqualityWithRange);
            }
        }
        if self.inequalities.len() > INEQUALITY_FIELDS_MAX {
            let fields = self.inequalities.iter().map(|field| (*field).clone());
            return Err(InvalidQuery::TooManyInequalityFields(fields.collect()));
        }
        Ok(())
    }
}

const fn check_list(
    operator: &'static str,
    list: &[Value],
    max: usize,
) -> Result<(), InvalidQuery> {
    match list.len() {
        0 => Err(InvalidQuery::EmptyList(operator)),
        count if count > max => Err(InvalidQuery::LongList { operator, max }),
        _ => Ok(()),
    }
}

fn check_array_filters(normal: &Dnf<'_>) -> Result<(), InvalidQuery> {
    let on_arrays = |conjunction: &[_]| {
        let terms = conjunction.iter();
        let tests = terms.map(|term: &crate::filter::Term<'_>| term.test);
        tests
            .filter(|test| matches!(test, Test::ArrayContains(_)))
            .count()
    };
    if normal.iter().any(|conjunction| on_arrays(conjunction) > 1) {
        return Err(InvalidQuery::SeveralArrayContains);
    }
    Ok(())
}

fn check_orders(orders: &[Order]) -> Result<(), InvalidQuery> {
    let mut before = BTreeSet::new();
    match orders.iter().find(|order| !before.insert(&order.field)) {
        Some(order) => Err(InvalidQuery::DuplicateOrder(order.field.clone())),
        None => Ok(()),
    }
}

fn check_cursor(
    cursor: &Cursor,
    orders: &[Order],
    database: &DatabaseName,
) -> Result<(), InvalidQuery> {
    if cursor.values.len() > orders.len() {
        return Err(InvalidQuery::LongCursor);
    }
    let mut pairs = orders.iter().zip(&cursor.values);
    pairs.try_for_each(|(order, value)| match (&order.field, value) {
        (FieldRef::Field(_), _) => Ok(()),
        (FieldRef::DocumentName, Value::Reference(name)) if name.database == *database => Ok(()),
        (FieldRef::DocumentName, Value::Reference(_)) => Err(InvalidQuery::CursorOtherDatabase),
        (FieldRef::DocumentName, _) => Err(InvalidQuery::CursorName),
    })
}

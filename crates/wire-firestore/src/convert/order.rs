//! The text of a list's order: `a.b desc, c`. Source: Firestore specification, section 5.4.

use firekeep_api::firestore::{Direction, Order};
use firekeep_model::FieldRef;

use super::Fault;

/// Orders as a client wrote them; none for an empty text.
///
/// # Errors
/// [`Fault::OrderBy`], [`Fault::FieldPath`].
pub fn read_order_by(text: &str) -> Result<Vec<Order>, Fault> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    split(text, |c| c == ',').into_iter().map(read).collect()
}

fn read(text: &str) -> Result<Order, Fault> {
    let words = split(text, char::is_whitespace);
    let mut words = words.into_iter().filter(|word| !word.is_empty());
    let (Some(path), direction, None) = (words.next(), words.next(), words.next()) else {
        return Err(Fault::OrderBy);
    };
    let direction = match direction.map(str::to_ascii_lowercase).as_deref() {
        None | Some("asc" | "ascending") => Direction::Ascending,
        Some("desc" | "descending") => Direction::Descending,
        Some(_) => return Err(Fault::OrderBy),
    };
    Ok(Order {
        field: FieldRef::parse(path)?,
        direction,
    })
}

/// The parts between the characters that separate, where these are not quoted by backticks.
fn split(text: &str, separates: impl Fn(char) -> bool) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(|c: char| {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = quoted,
            '`' => quoted = !quoted,
            _ => {}
        }
        !quoted && separates(c)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Orders, printed one after the other; or the fault.
    #[track_caller]
    fn check(text: &str, expected: Result<&str, &str>) {
        let print = |order: Order| format!("{} {:?}", order.field, order.direction);
        let read = read_order_by(text);
        let printed = read.map(|orders| orders.into_iter().map(print).collect::<Vec<_>>());
        let printed = printed.map(|orders| orders.join(", "));
        let printed = printed.map_err(|fault| fault.to_string());
        assert_eq!(
            printed.as_deref().map_err(String::as_str),
            expected,
            "{text}"
        );
    }

    #[test]
    fn orders_are_paths_and_directions() {
        check("", Ok(""));
        check("  ", Ok(""));
        check("a", Ok("a Ascending"));
        check(
            "a.b desc, __name__ ASC",
            Ok("a.b Descending, __name__ Ascending"),
        );
        check(" a   descending ,b", Ok("a Descending, b Ascending"));
        check(
            r"`a, b desc`.c desc,`d\` e`",
            Ok(r"`a, b desc`.c Descending, `d\` e` Ascending"),
        );
    }

    #[test]
    fn what_is_no_order_is_refused() {
        let fault = Fault::OrderBy.to_string();
        for text in [",", "a,", "a,,b", "a up", "a asc desc", "a desc b"] {
            check(text, Err(&fault));
        }
        let quote = "a quoted field name does not end in a backtick before the next dot";
        check("`a desc", Err(quote));
        check("__a__", Err("the field name `__a__` is reserved"));
    }
}

//! Rows: what is a field path, and how it is printed.

use super::*;

fn check(text: &str, expected: Result<(&[&str], &str), FieldPathError>) {
    let read = FieldPath::parse(text);
    match expected {
        Ok((names, printed)) => {
            let path = read.unwrap();
            assert_eq!(path.names().collect::<Vec<_>>(), names, "{text}");
            assert_eq!(path.to_string(), printed);
            assert_eq!(FieldPath::parse(printed), Ok(path));
        }
        Err(error) => assert_eq!(read, Err(error), "{text}"),
    }
}

#[test]
fn field_paths() {
    check("a", Ok((&["a"], "a")));
    check("a.b_1._", Ok((&["a", "b_1", "_"], "a.b_1._")));
    check(r"`x&y`.`a\`b`", Ok((&["x&y", "a`b"], r"`x&y`.`a\`b`")));
    check(r"`a\\`", Ok((&[r"a\"], r"`a\\`")));
    check(r"`a\b`", Ok((&["ab"], "ab")));
    check("`a.b`.c", Ok((&["a.b", "c"], "`a.b`.c")));
    check("`ok`", Ok((&["ok"], "ok")));
    check("____", Ok((&["____"], "____")));
    // Read without quotes, printed with them.
    check("a-b.1a.é", Ok((&["a-b", "1a", "é"], "`a-b`.`1a`.`é`")));
    check(
        "a b.c[0].*",
        Ok((&["a b", "c[0]", "*"], "`a b`.`c[0]`.`*`")),
    );
    for text in ["", ".", "a.", ".a", "a..b", "``", "a.``.b"] {
        check(text, Err(FieldPathError::Empty));
    }
    for text in ["`", "`a", r"`a\", r"`a\`", "`a`b", "`a``b`"] {
        check(text, Err(FieldPathError::Quote));
    }
    for text in ["a`b", "a`", r"a\b", r"a\"] {
        check(text, Err(FieldPathError::Unquoted));
    }
    for text in ["__name__", "a.__b__", "`_____`"] {
        let name = text.trim_start_matches("a.").trim_matches('`');
        check(text, Err(FieldPathError::Reserved(name.into())));
    }
}

#[test]
fn lengths_count_names_and_dots() {
    let parse = |text: String| FieldPath::parse(&text).map(drop);
    assert_eq!(parse("x".repeat(1_500)), Ok(()));
    assert_eq!(parse(format!("`{}`", r"\`".repeat(1_500))), Ok(()));
    assert_eq!(parse("x".repeat(1_501)), Err(FieldPathError::NameTooLong));
    assert_eq!(
        parse(format!("{}.{}", "x".repeat(749), "y".repeat(750))),
        Ok(())
    );
    assert_eq!(
        parse(format!("{}.{}", "x".repeat(750), "y".repeat(750))),
        Err(FieldPathError::TooLong)
    );
    assert_eq!(parse("a.".repeat(1_000_000)), Err(FieldPathError::TooLong));
    assert_eq!(FieldPath::new([""; 0]), Err(FieldPathError::Empty));
}

#[test]
fn messages_say_what_is_wrong() {
    let text = |path| FieldPath::parse(path).unwrap_err().to_string();
    assert_eq!(text("a..b"), "a field name is empty");
    assert_eq!(text("__a__"), "the field name `__a__` is reserved");
    assert_eq!(
        text("`a"),
        "a quoted field name does not end in a backtick before the next dot"
    );
}

#[test]
fn paths_sort_name_by_name() {
    let paths = ["a", "a.b", "a.b.c", "a.c", "`a!`", "`a.b`", "aa", "b", "é"];
    assert!(
        paths
            .map(|path| FieldPath::parse(path).unwrap())
            .is_sorted()
    );
}

#[test]
fn the_document_name_is_no_field() {
    assert_eq!(FieldRef::parse("__name__"), Ok(FieldRef::DocumentName));
    assert_eq!(FieldRef::parse("`__name__`"), Ok(FieldRef::DocumentName));
    assert_eq!(FieldRef::DocumentName.to_string(), "__name__");
    assert_eq!(FieldRef::parse("a.b").unwrap().to_string(), "a.b");
    assert!(FieldRef::parse("a.__name__").is_err());
    assert!(FieldRef::parse("__key__").is_err());
}

#[test]
fn covering() {
    let covers = |a, b| {
        FieldPath::parse(a)
            .unwrap()
            .covers(&FieldPath::parse(b).unwrap())
    };
    assert!(covers("a", "a") && covers("a", "a.b.c") && covers("a.b", "a.b.c"));
    assert!(!covers("a.b", "a") && !covers("a", "ab") && !covers("a", "`a.b`"));
}

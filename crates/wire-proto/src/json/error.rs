//! What is wrong with a JSON body, and where.

use crate::limits::JSON_QUOTED_BYTES_MAX;

/// A body that is not the JSON of its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Where: `writes[0].update.fields["a b"].integerValue`; empty when it is the body itself.
    pub path: String,
    /// One sentence: lower case, no full stop.
    pub message: String,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.path.is_empty() {
            write!(f, "invalid JSON: {}", self.message)
        } else {
            write!(f, "invalid JSON at `{}`: {}", self.path, self.message)
        }
    }
}

impl std::error::Error for Error {}

/// A step of a path.
pub(crate) enum Step {
    Field(&'static str),
    Key(String),
    Index(usize),
}

/// The path whose steps were noted from the inside out.
pub(crate) fn path(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps.iter().rev() {
        match step {
            Step::Field(name) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
            }
            Step::Key(key) if is_simple(key) => {
                path.push('.');
                path.push_str(key);
            }
            Step::Key(key) => path.push_str(&format!("[{:?}]", shortened(key))),
            Step::Index(index) => path.push_str(&format!("[{index}]")),
        }
    }
    path
}

fn is_simple(key: &str) -> bool {
    !key.is_empty()
        && key.len() <= JSON_QUOTED_BYTES_MAX
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The beginning of a client's text, for an error.
pub(crate) fn shortened(text: &str) -> &str {
    let mut end = JSON_QUOTED_BYTES_MAX.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

//! Fields of a message from the parameters of a URL: `mask.fieldPaths=a&readTime=…`.

use std::borrow::Cow;

use super::error::{Error, shortened};
use super::read::{find, set_text};
use super::{Json, Slot};

/// Sets the field that a dotted name leads to. Lists take one element per call; an empty text leaves a list as it is,
/// so that `mask.fieldPaths=` makes a mask that is present and empty. `false`: no field has the name's first part, so
/// the parameter is somebody else's (`key`, `alt`).
///
/// # Errors
/// [`Error`] when the field cannot take the text, another member of its oneof is set, or the rest of the name leads
/// nowhere. The message is of no use then.
///
/// Source: Firestore specification, section 8.1.
pub fn set_parameter(message: &mut dyn Json, name: &str, text: &str) -> Result<bool, Error> {
    let (first, rest) = split(name);
    let Some(index) = find(message.fields(), first) else {
        return Ok(false);
    };
    let done = walk(message.slot(index), rest, text);
    done.map(|()| true).map_err(|message| Error {
        path: shortened(name).to_owned(),
        message,
    })
}

fn walk(slot: Slot<'_>, rest: Option<&str>, text: &str) -> Result<(), String> {
    match (slot, rest) {
        (Slot::Message(message), Some(rest)) => {
            let (first, rest) = split(rest);
            let index = find(message.fields(), first).ok_or(ABSENT)?;
            walk(message.slot(index), rest, text)
        }
        (Slot::Taken(oneof), _) => Err(format!("another member of the oneof `{oneof}` is set")),
        (_, Some(_)) | (Slot::Message(_) | Slot::Map(_), None) => Err(ABSENT.into()),
        (Slot::List(_), None) if text.is_empty() => Ok(()),
        (Slot::List(list), None) => set(list.push(), text),
        (slot, None) => set(slot, text),
    }
}

const ABSENT: &str = "no such parameter";

fn split(name: &str) -> (&str, Option<&str>) {
    match name.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (name, None),
    }
}

fn set(slot: Slot<'_>, text: &str) -> Result<(), String> {
    match slot {
        Slot::Bool(place) => {
            *place = match text {
                "true" | "1" => true,
                "false" | "0" => false,
                _ => return Err("the string is not a boolean".into()),
            };
            Ok(())
        }
        Slot::Enum(place, number_of) => match text.parse() {
            Ok(number) => {
                *place = number;
                Ok(())
            }
            Err(_) => set_text(Slot::Enum(place, number_of), Cow::Borrowed(text)),
        },
        slot => set_text(slot, Cow::Borrowed(text)),
    }
}

//! The server's side of WebChannel, wire version 8: one ordered stream of messages each way over short HTTP requests.
//!
//! A session is a value fed by hand: what a request says goes in, what its answer says comes out, and the time is
//! handed in. No socket, no task, no clock, and nothing of Firestore: messages are text, errors are text.
//!
//! ```text
//! Request::parse(method, query)   what a request is
//! Form::parse(body)               the messages of a POST, and the credentials of a handshake
//! Session                         both channels of one session
//! ```
//!
//! Source: WebChannel specification.

mod encoding;
mod form;
mod frame;
mod inbox;
pub mod limits;
mod malformed;
mod outbox;
mod request;
mod session;
mod text;

pub use form::{Form, Headers};
pub use frame::frame;
pub use malformed::Malformed;
pub use request::{Handshake, Method, Mode, Request};
pub use session::{BackId, Cause, End, Session, Step};
pub use text::Text;

//! The engine against a real folder: the suite of all engines, restarts, crashes and damage.

mod conformance;
mod damage;
mod kill;
mod restart;
mod support;

//! Properties of generated values and names. What has no generator is tested beside its code.

mod properties;

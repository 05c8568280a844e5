//! The spec as it is typed: read, not yet resolved.
//!
//! - [`Spec`]: a file, its parts ([`ServiceSpec`], [`SecretSpec`], [`DataSpec`], [`StepSpec`]) and what is wrong with them
//! - [`Document`]: its YAML as JSON values, with the place of every one ([`Way`], [`Ways`], [`Place`])
//! - [`Overrides`] and [`Layer`]: `defaults`, profiles and `--set`, and where each value comes from
//! - [`Template`]: texts with `${{ … }}` in them
//! - [`schema`]: its JSON Schema, [`schema_with`] the one for editors; [`violations`] tells in plain words what does not fit one
//! - [`Problem`] and [`Problems`]: what is wrong, where, and how it is shown; [`Hint`]: what mends it
//!
//! After the host's `plan` nothing looks at these types any more.

mod data;
mod dialect;
mod document;
mod editor;
mod hide;
mod hint;
mod layers;
mod names;
mod param;
mod places;
mod problem;
mod profile;
mod quantity;
mod reference;
mod secret;
mod service;
mod spec;
mod step;
mod top;
mod violation;
mod way;
mod ways;

pub use data::{DataSpec, FormatSpec};
pub use dialect::Dialect;
pub use document::Document;
pub use editor::{KnownStep, is_given, schema_with};
pub use hint::{Hint, Known, Otherwise};
pub use layers::{Layer, Overrides};
pub use param::{ParamSpec, ParamType};
pub use problem::{Place, Problem, Problems};
pub use quantity::{parse_age, parse_duration, parse_size, size_text};
pub use reference::{Part, Reference, Template};
pub use secret::SecretSpec;
pub use service::{AuthKind, AuthSpec, ClientCertificateSpec, ServiceSpec};
pub use spec::{Spec, is_name};
pub use step::{BackoffSpec, Category, ContinueOn, LimitsSpec, RetrySpec, StepSpec, When};
pub use top::schema;
pub use violation::{Violation, nearest, violations};
pub use way::Way;
pub use ways::Ways;

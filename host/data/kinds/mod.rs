//! The kinds of source: a file for each, and a line here.

use super::Kind;

/// Declares a module and makes its type a kind, by the key that names it in the spec.
macro_rules! kinds {
    ($($module:ident::$source:ident as $key:literal,)*) => {
        $(mod $module;)*

        pub(super) const KINDS: &[Kind] = &[$(Kind::of::<$module::$source>($key)),*];
    };
}

kinds! {
    file::File as "file",
    https::Https as "url",
    s3::S3 as "s3",
}

//! `Dialect`: which product's protocol the stub speaks (wml.md 16).

/// Which product's protocol the stub speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Cloud Pak for Data 3.5: a login of its own, and nothing that tells the version.
    Cp4d35,
    /// Cloud Pak for Data 4, of which it is 4.8.
    Cp4d4,
    /// Cloud Pak for Data 5.
    #[default]
    Cp4d5,
    /// IBM Cloud: the platform, with IAM and `OpenScale`, is not where WML is.
    IbmCloud,
}

impl Dialect {
    /// All of them, oldest first.
    pub const ALL: [Self; 4] = [Self::Cp4d35, Self::Cp4d4, Self::Cp4d5, Self::IbmCloud];

    /// The name that it is called by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cp4d35 => "cp4d_3.5",
            Self::Cp4d4 => "cp4d_4",
            Self::Cp4d5 => "cp4d_5",
            Self::IbmCloud => "ibm_cloud",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    pub(crate) fn is_cloud(self) -> bool {
        self == Self::IbmCloud
    }

    /// The product version that it claims to be where it is asked for that.
    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::Cp4d4 => "4.8.0",
            _ => "5.1.0",
        }
    }
}

//! Inputs and outputs that name files. The host reads the schema's `format` and lends the file.

use std::fs::File;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Failure, Host, LocalModel};

/// An entry of the spec's `data`, lent as `/data/<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("format" = "data-set"))]
pub struct DataSet(pub String);

impl DataSet {
    /// Where the file is.
    pub fn path(&self, host: &dyn Host) -> PathBuf {
        host.data().join(&self.0)
    }

    /// Opens it for reading.
    pub fn open(&self, host: &dyn Host) -> Result<File, Failure> {
        open("data set", &self.0, &self.path(host))
    }
}

/// A model's file, relative to the spec, lent as `/data/<name>`. Only ONNX can be loaded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("format" = "model"))]
pub struct ModelFile(pub String);

impl ModelFile {
    /// Where the file is.
    pub fn path(&self, host: &dyn Host) -> PathBuf {
        host.data().join(&self.0)
    }

    /// The file's bytes.
    pub fn read(&self, host: &dyn Host) -> Result<Vec<u8>, Failure> {
        std::fs::read(self.path(host))
            .map_err(|error| Failure::invalid_input(format!("model `{}` cannot be read: {error}", self.0)))
    }

    /// The file's name without its folder.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// Loads it for local scoring.
    pub fn load(&self, host: &dyn Host) -> Result<Box<dyn LocalModel>, Failure> {
        host.open_model(&self.0)
    }
}

/// As an output, a file that the step wrote to its `/artifacts`; as an input, an earlier step's, lent as `/data/<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("format" = "artifact"))]
pub struct Artifact(pub String);

impl Artifact {
    /// Makes a file of this step.
    pub fn create(host: &dyn Host, name: &str) -> Result<(Self, File), Failure> {
        match File::create(host.artifacts().join(name)) {
            Ok(file) => Ok((Self(name.to_owned()), file)),
            Err(error) => Err(Failure::internal(format!("artifact `{name}` cannot be written: {error}"))),
        }
    }

    /// Opens an earlier step's file for reading.
    pub fn open(&self, host: &dyn Host) -> Result<File, Failure> {
        open("artifact", &self.0, &host.data().join(&self.0))
    }
}

fn open(kind: &str, name: &str, path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| Failure::invalid_input(format!("{kind} `{name}` cannot be read: {error}")))
}

//! What goes up: the model's file in the form in which WML takes its type, looked into as far as that runs nothing of it.
//!
//! All of it is what the official clients do with a file (`repository.store_model`): an archive goes up as it is, a PMML
//! file too, and anything else is refused. Only a bare `.onnx` file, which they refuse as well, is packed.

use sha2::{Digest, Sha256};
use step_sdk::{Failure, Host, LocalModel, ModelFile, archive};

use crate::entries;

/// How a pickle begins: an operator and the protocol's number.
const PICKLES: std::ops::RangeInclusive<[u8; 2]> = [0x80, 2]..=[0x80, 5];

/// What goes up.
pub(crate) struct Content {
    pub(crate) bytes: Vec<u8>,
    pub(crate) media_type: &'static str,
    /// Of the file as it was committed.
    pub(crate) sha256: String,
    /// The model, if it can be run here.
    pub(crate) model: Option<Box<dyn LocalModel>>,
}

/// What a type of models is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Onnx,
    Pmml,
    ScikitLearn,
    /// An archive, of which nothing more is known.
    Other,
}

impl Kind {
    fn of(model_type: &str) -> Self {
        match model_type.split('_').next() {
            Some("onnxruntime" | "pytorch-onnx") => Self::Onnx,
            Some("pmml") => Self::Pmml,
            Some("scikit-learn") => Self::ScikitLearn,
            _ => Self::Other,
        }
    }
}

impl Content {
    /// Reads the file, which must be of the type.
    pub(crate) fn read(host: &dyn Host, file: &ModelFile, model_type: &str) -> Result<Self, Failure> {
        let bytes = file.read(host)?;
        let kind = Kind::of(model_type);
        let (has_model, is_pickle) = (is_called(file.file_name(), &["onnx"]), is_pickle(file.file_name(), &bytes));
        let files = match entries::files(&bytes) {
            Some(Ok(files)) if files.is_empty() => return Err(wrong(format!("`{}` holds no file", file.0))),
            Some(Ok(files)) => Some(files),
            // joblib may compress what it writes.
            Some(Err(_)) if is_pickle => None,
            Some(Err(why)) => return Err(wrong(format!("`{}` cannot be read as an archive: {why}", file.0))),
            None => None,
        };
        match (kind, files) {
            (Kind::Onnx, Some(files)) => hold_one(file, model_type, &files, &["onnx"])?,
            (Kind::ScikitLearn, Some(files)) => hold_one(file, model_type, &files, &["joblib", "pickle", "pkl"])?,
            (Kind::Other, Some(files)) if files.iter().all(|name| is_called(name, &["onnx"])) => {
                return Err(is_onnx(file, model_type));
            }
            (Kind::Other, Some(_)) => {}
            (Kind::Onnx, None) if !is_pickle => return Self::of_onnx(host, file, &bytes),
            (Kind::Pmml, _) => return Self::of_pmml(file, model_type, bytes),
            (_, None) if has_model => return Err(is_onnx(file, model_type)),
            (_, None) => return Err(bare(file, model_type, kind, is_pickle)),
        }
        Ok(Self::as_it_is(bytes, "application/octet-stream"))
    }

    fn of_onnx(host: &dyn Host, file: &ModelFile, bytes: &[u8]) -> Result<Self, Failure> {
        let model = file.load(host)?;
        let sha256 = model.sha256();
        Ok(Self {
            bytes: archive::zip(file, bytes)?,
            sha256,
            model: Some(model),
            media_type: "application/octet-stream",
        })
    }

    /// Both official clients tell the service this media type: they send such a file over another path than archives. Their
    /// `application/xml`, with another `content_format`, is for the next version of a model.
    fn of_pmml(file: &ModelFile, model_type: &str, bytes: Vec<u8>) -> Result<Self, Failure> {
        let begin = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes).trim_ascii_start();
        if !begin.starts_with(b"<") {
            return Err(wrong(format!("`{}` is no XML, as a model of type `{model_type}` must be", file.0)));
        }
        if !is_called(file.file_name(), &["xml"]) {
            let text = format!("`{}` is not called `.xml`, as WML wants a model of type `{model_type}`", file.0);
            return Err(wrong(text).hint("rename the file"));
        }
        Ok(Self::as_it_is(bytes, "application/json"))
    }

    fn as_it_is(bytes: Vec<u8>, media_type: &'static str) -> Self {
        Self { sha256: format!("{:x}", Sha256::digest(&bytes)), bytes, media_type, model: None }
    }
}

/// An archive whose kind of model is one file must have exactly that one at its top level.
fn hold_one(file: &ModelFile, model_type: &str, files: &[String], endings: &[&str]) -> Result<(), Failure> {
    let found = files.iter().filter(|name| !name.contains('/') && is_called(name, endings)).count();
    let wanted: Vec<_> = endings.iter().map(|ending| format!("`.{ending}`")).collect();
    match found {
        1 => Ok(()),
        0 => {
            let shown: Vec<_> = files.iter().take(3).map(|name| format!("`{name}`")).collect();
            let more = if files.len() > shown.len() { " and more" } else { "" };
            let (name, wanted, shown) = (&file.0, wanted.join(" or "), shown.join(", "));
            let text = format!(
                "`{name}` holds no {wanted} file at its top level, as a model of type `{model_type}` must, but {shown}{more}"
            );
            Err(wrong(text).hint("give the `type` of what it holds, or pack the file alone"))
        }
        many => {
            let text = format!("`{}` holds {many} files {} at its top level, not one", file.0, wanted.join(" or "));
            Err(wrong(text))
        }
    }
}

fn is_onnx(file: &ModelFile, model_type: &str) -> Failure {
    wrong(format!("`{}` is an ONNX model, which `{model_type}` is no type of", file.0))
        .hint("the types of ONNX models are `onnxruntime_…` and `pytorch-onnx_…`")
}

/// A file that is no archive where one is wanted.
fn bare(file: &ModelFile, model_type: &str, kind: Kind, is_pickle: bool) -> Failure {
    let name = &file.0;
    let what = if is_pickle { "a bare pickle" } else { "no archive" };
    if kind == Kind::Onnx {
        let text = format!("`{name}` is {what}, and `{model_type}` is a type of ONNX models");
        return wrong(text).hint("give an ONNX file, or pack the pickle and give its own `type`");
    }
    let stem = file.file_name().rsplit_once('.').map_or(file.file_name(), |(stem, _)| stem);
    wrong(format!("`{name}` is {what}; WML takes a model of type `{model_type}` in a tar.gz"))
        .hint(format!("`tar -czf {stem}.tar.gz {}` packs it", file.file_name()))
}

fn is_pickle(name: &str, bytes: &[u8]) -> bool {
    let begin = bytes.first_chunk().is_some_and(|begin| PICKLES.contains(begin));
    begin || is_called(name, &["joblib", "pickle", "pkl"])
}

fn is_called(name: &str, endings: &[&str]) -> bool {
    let ending = std::path::Path::new(name).extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| endings.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

fn wrong(text: String) -> Failure {
    Failure::invalid_input(text)
}

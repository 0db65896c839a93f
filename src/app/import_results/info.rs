//! What a file says of its execution, where the upload itself does not say it.

use super::prepare::Prepared;
use super::{ImportError, Upload};

/// The upload with what the file adds; what the upload says goes before.
///
/// # Errors
///
/// [`ImportError::NotAnExecution`] when the file reports into something that can be none.
pub(super) fn completed(upload: &Upload, report: &mut Prepared) -> Result<Upload, ImportError> {
    let mut upload = upload.clone();
    let Some(info) = report.info.as_deref() else {
        return Ok(upload);
    };
    if let (None, Some(key)) = (&upload.execution, &info.execution) {
        let parsed = key.parse();
        upload.execution = Some(parsed.map_err(|_not| ImportError::NotAnExecution(key.clone()))?);
    }
    let particulars = &mut upload.particulars;
    if particulars.environments.is_empty() {
        particulars.environments.clone_from(&info.environments);
    }
    for (held, told) in [
        (&mut particulars.fix_version, &info.version),
        (&mut particulars.plan, &info.plan),
        (&mut particulars.revision, &info.revision),
    ] {
        if held.is_none() {
            held.clone_from(told);
        }
    }
    if let Some(project) = info.project.as_ref().filter(|key| **key != upload.project) {
        report.warnings.push(format!(
            "the file is for the project {project}; its results were stored in {}, as asked for",
            upload.project
        ));
    }
    Ok(upload)
}

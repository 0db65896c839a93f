//! The views of a project, side by side: what leads from one to the other.

/// A view of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// How its issues stand.
    Overview,
    /// Which issue, which tests, which runs, which defects.
    Matrix,
    /// Whether a version or a sprint can go out.
    Readiness,
    /// Which tests have to run again.
    Retests,
}

impl View {
    const ALL: [Self; 4] = [Self::Overview, Self::Matrix, Self::Readiness, Self::Retests];

    const fn name(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Matrix => "matrix",
            Self::Readiness => "readiness",
            Self::Retests => "retests",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Matrix => "Matrix",
            Self::Readiness => "Readiness",
            Self::Retests => "Retests",
        }
    }

    /// What follows the project's address.
    const fn path(self) -> &'static str {
        match self {
            Self::Overview => "",
            Self::Matrix => "/matrix",
            Self::Readiness => "/readiness",
            Self::Retests => "/retests",
        }
    }
}

/// What leads to a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tab {
    /// The view's name.
    pub name: &'static str,
    /// What people read.
    pub label: &'static str,
    /// Where its fragment lives.
    pub address: String,
    /// Whether it is the one that is shown.
    pub is_chosen: bool,
}

/// The views of a project, with the chosen one marked; `root` is the path the service stands under.
#[must_use]
pub fn tabs(root: &str, project: &str, chosen: View) -> Vec<Tab> {
    let tab = |view: View| Tab {
        name: view.name(),
        label: view.label(),
        address: format!("{root}/ui/project/{project}{}", view.path()),
        is_chosen: view == chosen,
    };
    View::ALL.map(tab).to_vec()
}

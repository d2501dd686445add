//! An error with its causes as one line, for edges where no other form fits: consoles and pipes.

/// `what failed: because of this: because of that`.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

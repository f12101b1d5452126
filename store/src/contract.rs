//! What any backend must do, one function a promise. A backend's test calls each with a fresh store.

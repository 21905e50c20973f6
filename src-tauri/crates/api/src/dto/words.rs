pub use lp_model::Message as Words;

//! Following sessions: feed, gap repair, watermark, view.

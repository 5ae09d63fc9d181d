// What crosses the border between the page and Rust, as Rust declares it.

export * from './generated';

/**
 * Benchmarks against the Python peers: ours and the peer's runs alternate in one session, on the same data, and must
 * give the same answer.
 */
@NullMarked
package dev.loupe.bench;

import org.jspecify.annotations.NullMarked;

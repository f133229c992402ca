/**
 * Files of llama.cpp's format GGUF: header and metadata, tensors, and the numbers behind ggml's quantised blocks. Knows
 * no model; what a file means to the runtime is in {@code dev.loupe.model}.
 */
@NullMarked
package dev.loupe.model.gguf;

import org.jspecify.annotations.NullMarked;

/**
 * Conversations as the text a chat model was trained on: the model's own template, in the Jinja language, rendered as
 * transformers renders it. No models, no tensors.
 */
@NullMarked
package dev.loupe.chat;

import org.jspecify.annotations.NullMarked;

/**
 * Tasks for patching: prompt pairs from seeded templates, checked against a model's tokenizer, and how well a model does
 * them.
 */
@NullMarked
package dev.loupe.patch.task;

import org.jspecify.annotations.NullMarked;

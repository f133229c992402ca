/**
 * Text in: documents from files, folders and the demo corpus, their language labels, held-out rule, packing
 * into token sequences. No activations.
 */
@NullMarked
package dev.loupe.corpus;

import org.jspecify.annotations.NullMarked;

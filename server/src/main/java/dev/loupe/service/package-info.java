/**
 * Use cases, one class each, shared by command line, HTTP and browser: plain records in and out. Knows no HTTP
 * or UI types.
 */
@NullMarked
package dev.loupe.service;

import org.jspecify.annotations.NullMarked;

/**
 * Routes, OpenAPI, access checks, problem JSON, server-sent events. No logic.
 */
@NullMarked
package dev.loupe.http;

import org.jspecify.annotations.NullMarked;

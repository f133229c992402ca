/** A client of a running Loupe server: the JDK's HTTP client and Jackson, nothing else of Loupe. */
@NullMarked
package dev.loupe.client;

import org.jspecify.annotations.NullMarked;

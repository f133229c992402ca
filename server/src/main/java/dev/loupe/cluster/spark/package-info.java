/**
 * What runs inside Spark: the driver program that takes tasks from Loupe over a loopback connection, and the function that
 * hands them to a child process on an executor. The only code that knows Spark; it knows nothing else but the JDK, and its
 * class files travel to the cluster in a jar of their own.
 */
@NullMarked
package dev.loupe.cluster.spark;

import org.jspecify.annotations.NullMarked;

/** Where tasks are done when one machine is not enough: a Spark cluster, found, started and watched from this process. */
@NullMarked
package dev.loupe.cluster;

import org.jspecify.annotations.NullMarked;

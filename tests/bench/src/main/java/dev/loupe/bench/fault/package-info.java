/**
 * Faults while work is done: processes killed at random points, disks that are full, too little memory, clocks that jumped,
 * workspaces that vanish. After each the same command must give the same bits, or have said in one sentence what was wrong.
 */
@NullMarked
package dev.loupe.bench.fault;

import org.jspecify.annotations.NullMarked;

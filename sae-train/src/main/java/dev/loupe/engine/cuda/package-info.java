/**
 * Training on a GPU of NVIDIA's: an {@link dev.loupe.engine.SaeEngine} whose state lives on the card. The driver, NVRTC and
 * cuBLASLt are called through the Foreign Function and Memory API; kernels are readable {@code .cu} resources beside these
 * classes, compiled for the card that is found. Nothing else of the workbench knows CUDA.
 */
@NullMarked
package dev.loupe.engine.cuda;

import org.jspecify.annotations.NullMarked;

// What the card can do at best, measured: the floors that steps are compared with.
//
// kernel        grid   reads and writes, bytes
// copy_quads    any    32 per quad
// fill_halves   any    2 per number

struct alignas(16) Quad {
    float a, b, c, d;
};

KERNEL copy_quads(const Quad* from, Quad* to, long long count) {
    long long stride = (long long)gridDim.x * blockDim.x;
    for (long long e = (long long)blockIdx.x * blockDim.x + threadIdx.x; e < count; e += stride) {
        to[e] = from[e];
    }
}

// bfloat16 of both signs between 0.5 and 2 that look random: a product of zeros would be faster.
KERNEL fill_halves(unsigned short* to, long long count, int seed) {
    long long stride = (long long)gridDim.x * blockDim.x;
    for (long long e = (long long)blockIdx.x * blockDim.x + threadIdx.x; e < count; e += stride) {
        unsigned h = (unsigned)e * 0x9E3779B9u + (unsigned)seed;
        h = (h ^ (h >> 16)) * 0x7FEB352Du;
        h = (h ^ (h >> 15)) * 0x846CA68Bu;
        to[e] = (unsigned short)(0x3f00u | (h & 0x80ffu));
    }
}

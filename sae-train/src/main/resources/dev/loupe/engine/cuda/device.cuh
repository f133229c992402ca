// Helpers of all kernels. Blocks have whole warps, all threads of a block take part in what is called block_*, and every
// sum is made in an order that depends on sizes alone: the same input gives the same bits.

#ifndef LOUPE_HOST
#define KERNEL extern "C" __global__ void __launch_bounds__(256)
#define LOUPE_DYNAMIC(type, name) \
    extern __shared__ __align__(16) unsigned char loupe_dynamic[]; \
    type* name = reinterpret_cast<type*>(loupe_dynamic)
#endif

#define FULL 0xffffffffu

// Columns that a thread sums in registers at a time.
enum { COLUMNS = 4 };

// Elements in a row that a thread looks at in one round of a compaction.
enum { ITEMS = 4 };

static __device__ __forceinline__ int lane() { return threadIdx.x & 31; }
static __device__ __forceinline__ int warp() { return threadIdx.x >> 5; }
static __device__ __forceinline__ int warps() { return blockDim.x >> 5; }

template <class T>
static __device__ __forceinline__ T warp_sum(T v) {
    for (int o = 16; o > 0; o >>= 1) {
        v += __shfl_xor_sync(FULL, v, o);
    }
    return v;
}

// The sum over the block, for every thread.
template <class T>
static __device__ T block_sum(T v) {
    __shared__ T parts[32];
    v = warp_sum(v);
    __syncthreads();
    if (lane() == 0) {
        parts[warp()] = v;
    }
    __syncthreads();
    T sum = 0;
    for (int w = 0; w < warps(); w++) {
        sum += parts[w];
    }
    return sum;
}

static __device__ double block_min(double v) {
    __shared__ double parts[32];
    for (int o = 16; o > 0; o >>= 1) {
        double other = __shfl_xor_sync(FULL, v, o);
        v = other < v ? other : v;
    }
    __syncthreads();
    if (lane() == 0) {
        parts[warp()] = v;
    }
    __syncthreads();
    double least = parts[0];
    for (int w = 1; w < warps(); w++) {
        least = parts[w] < least ? parts[w] : least;
    }
    return least;
}

// The sum over the threads before this one, and the sum over all.
static __device__ int block_scan(int v, int* total) {
    __shared__ int parts[32];
    int x = v;
    for (int o = 1; o < 32; o <<= 1) {
        int y = __shfl_up_sync(FULL, x, o);
        if (lane() >= o) {
            x += y;
        }
    }
    __syncthreads();
    if (lane() == 31) {
        parts[warp()] = x;
    }
    __syncthreads();
    int before = 0;
    int all = 0;
    for (int w = 0; w < warps(); w++) {
        before += w < warp() ? parts[w] : 0;
        all += parts[w];
    }
    *total = all;
    return before + x - v;
}

// Whole numbers in the order of floats; value_of is its inverse.
static __device__ __forceinline__ unsigned order_of(float v) {
    unsigned bits = __float_as_uint(v);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

static __device__ __forceinline__ float value_of(unsigned key) {
    return __uint_as_float(key & 0x80000000u ? key & 0x7fffffffu : ~key);
}

// To bfloat16, to nearest and even; what is no number stays none.
static __device__ __forceinline__ unsigned short bfloat16(float v) {
    unsigned bits = __float_as_uint(v);
    if (!(v == v)) {
        return (unsigned short)((bits >> 16) | 0x40u);
    }
    return (unsigned short)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

// The k-th largest key, and how many of those equal to it belong to the k largest.
struct Kth {
    unsigned key;
    int equal;
};

// What kth_largest needs of the chip.
struct Radix {
    int histogram[2048];
    int parts[32];
    int found;
    int left;
};

// The bin that the wanted-th largest lies in, and how many are wanted of it.
static __device__ void find_bin(Radix& q, const int* histogram, int bins, int wanted) {
    int share = bins / 32;
    if (threadIdx.x < 32) {
        int sum = 0;
        for (int b = 0; b < share; b++) {
            sum += histogram[threadIdx.x * share + b];
        }
        q.parts[threadIdx.x] = sum;
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        int part = 31;
        while (part > 0 && q.parts[part] < wanted) {
            wanted -= q.parts[part--];
        }
        int bin = part * share + share - 1;
        while (bin > part * share && histogram[bin] < wanted) {
            wanted -= histogram[bin--];
        }
        q.found = bin;
        q.left = wanted;
    }
    __syncthreads();
}

// Finds it among key_at(0 .. count - 1), 1 <= k <= count, by digits of 11, 11 and 10 bits.
template <class F>
static __device__ Kth kth_largest(Radix& q, F key_at, int count, int k) {
    unsigned prefix = 0;
    unsigned mask = 0;
    for (int pass = 0; pass < 3; pass++) {
        int shift = pass == 0 ? 21 : pass == 1 ? 10 : 0;
        int bins = pass == 2 ? 1024 : 2048;
        __syncthreads();
        for (int b = threadIdx.x; b < bins; b += blockDim.x) {
            q.histogram[b] = 0;
        }
        __syncthreads();
        for (int i = threadIdx.x; i < count; i += blockDim.x) {
            unsigned key = key_at(i);
            if ((key & mask) == prefix) {
                atomicAdd(&q.histogram[(key >> shift) & (bins - 1)], 1);
            }
        }
        __syncthreads();
        find_bin(q, q.histogram, bins, k);
        prefix |= (unsigned)q.found << shift;
        mask |= (unsigned)(bins - 1) << shift;
        k = q.left;
    }
    Kth result = {prefix, k};
    return result;
}

// Calls write(slot, i) for the i that belong to the k largest, in order; of equal ones the first.
template <class F, class W>
static __device__ void write_largest(F key_at, int count, Kth kth, W write) {
    int above = 0;
    int equal = 0;
    for (int base = 0; base < count; base += blockDim.x * ITEMS) {
        int first = base + threadIdx.x * ITEMS;
        int mark[ITEMS];
        int mine = 0;
        for (int t = 0; t < ITEMS; t++) {
            mark[t] = 0;
            if (first + t < count) {
                unsigned key = key_at(first + t);
                mark[t] = key > kth.key ? 1 : key == kth.key ? 1 << 16 : 0;
            }
            mine += mark[t];
        }
        int all;
        int before = block_scan(mine, &all);
        int a = above + (before & 0xffff);
        int e = equal + (before >> 16);
        for (int t = 0; t < ITEMS; t++) {
            if (mark[t] == 1) {
                write(a + (e < kth.equal ? e : kth.equal), first + t);
                a++;
            } else if (mark[t] != 0) {
                if (e < kth.equal) {
                    write(a + e, first + t);
                }
                e++;
            }
        }
        above += all & 0xffff;
        equal += all >> 16;
    }
}

// Calls write(slot, i) for the i for which wanted(i), in order; returns how many there are.
template <class F, class W>
static __device__ int write_where(F wanted, int count, W write) {
    int done = 0;
    for (int base = 0; base < count; base += blockDim.x * ITEMS) {
        int first = base + threadIdx.x * ITEMS;
        int mark = 0;
        int mine = 0;
        for (int t = 0; t < ITEMS; t++) {
            if (first + t < count && wanted(first + t)) {
                mark |= 1 << t;
                mine++;
            }
        }
        int all;
        int at = done + block_scan(mine, &all);
        for (int t = 0; t < ITEMS; t++) {
            if (mark >> t & 1) {
                write(at++, first + t);
            }
        }
        done += all;
    }
    return done;
}

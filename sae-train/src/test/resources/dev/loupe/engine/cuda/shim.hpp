// CUDA's language on a processor: the kernels' own source, compiled as C++. Each thread of a block is a fiber that runs
// until it waits for others, so barriers and exchanges between lanes mean what they mean on a GPU. Blocks and threads run
// in an order drawn from a seed: a kernel that needs a barrier it does not have gives other bits under another seed.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <tuple>
#include <utility>
#include <vector>

#define LOUPE_HOST
#define __device__
#define __forceinline__ inline
#define __shared__ static
#define KERNEL static void

namespace shim {

struct Dim {
    unsigned x = 1, y = 1, z = 1;
};

struct Barrier {
    int size = 0, arrived = 0;
    unsigned turn = 0;
};

struct Fiber {
    void* stack_pointer = nullptr;
    unsigned char* stack = nullptr;
    unsigned id = 0;
    bool done = false;
    unsigned exchanges = 0;
};

constexpr size_t STACK = 128 << 10;
constexpr int MOST = 1024;

inline Fiber fibers[MOST];
inline void* scheduler = nullptr;
inline Fiber* current = nullptr;
inline Barrier block_barrier;
inline Barrier warp_barriers[MOST / 32];
inline uint64_t slots[2][MOST];
inline void (*body)(void*) = nullptr;
inline void* argument = nullptr;
inline std::vector<unsigned char> dynamic;
inline uint64_t seed = 0;

inline uint64_t next_random(uint64_t& state) {
    state += 0x9e3779b97f4a7c15ull;
    uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

} // namespace shim

inline shim::Dim threadIdx, blockIdx, blockDim, gridDim;

namespace shim {

#if defined(__x86_64__)
extern "C" void loupe_fiber_switch(void** from, void* to);
asm(R"(
    .text
    .globl loupe_fiber_switch
    .type loupe_fiber_switch,@function
loupe_fiber_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size loupe_fiber_switch,.-loupe_fiber_switch
)");
#elif defined(__aarch64__)
extern "C" void loupe_fiber_switch(void** from, void* to);
asm(R"(
    .text
    .globl loupe_fiber_switch
loupe_fiber_switch:
    sub sp, sp, #160
    stp x19, x20, [sp, #0]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mov x9, sp
    str x9, [x0]
    mov sp, x1
    ldp x19, x20, [sp, #0]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    add sp, sp, #160
    ret
)");
#else
#error "the shim switches stacks on x86-64 and aarch64 only"
#endif

inline void release(Barrier& b) {
    b.arrived = 0;
    b.turn++;
}

inline void yield() {
    loupe_fiber_switch(&current->stack_pointer, scheduler);
}

inline void wait(Barrier& b) {
    unsigned turn = b.turn;
    if (++b.arrived == b.size) {
        release(b);
    } else {
        while (b.turn == turn) {
            yield();
        }
    }
}

inline void leave(Barrier& b) {
    if (--b.size > 0 && b.arrived == b.size) {
        release(b);
    }
}

[[noreturn]] inline void enter() {
    body(argument);
    leave(block_barrier);
    leave(warp_barriers[current->id / 32]);
    current->done = true;
    while (true) {
        yield();
    }
}

inline void prepare(Fiber& f, unsigned id) {
    if (f.stack == nullptr) {
        f.stack = static_cast<unsigned char*>(std::aligned_alloc(64, STACK));
    }
    f.id = id;
    f.done = false;
    f.exchanges = 0;
    auto top = reinterpret_cast<void**>(f.stack + STACK - 64);
#if defined(__x86_64__)
    *--top = nullptr; // where enter would return to; keeps its stack aligned as after a call
    *--top = reinterpret_cast<void*>(&enter);
    top -= 6;
    std::memset(top, 0, 6 * sizeof(void*));
#else
    top -= 20;
    std::memset(top, 0, 20 * sizeof(void*));
    top[11] = reinterpret_cast<void*>(&enter);
#endif
    f.stack_pointer = top;
}

inline void run_block(std::vector<unsigned>& order, uint64_t& state) {
    unsigned count = blockDim.x;
    block_barrier = Barrier{static_cast<int>(count), 0, 0};
    for (unsigned w = 0; w < count / 32; w++) {
        warp_barriers[w] = Barrier{32, 0, 0};
    }
    for (unsigned t = 0; t < count; t++) {
        prepare(fibers[t], t);
    }
    if (seed != 0) {
        for (unsigned t = count - 1; t > 0; t--) {
            std::swap(order[t], order[next_random(state) % (t + 1)]);
        }
    }
    unsigned left = count;
    unsigned idle = 0;
    while (left > 0) {
        unsigned turn = block_barrier.turn;
        unsigned before = left;
        for (unsigned t : order) {
            Fiber& f = fibers[t];
            if (f.done) {
                continue;
            }
            current = &f;
            threadIdx.x = f.id;
            loupe_fiber_switch(&scheduler, f.stack_pointer);
            left -= f.done ? 1 : 0;
        }
        idle = before == left && turn == block_barrier.turn ? idle + 1 : 0;
        if (idle > 1000000) {
            std::fprintf(stderr, "a block waits for ever\n");
            std::abort();
        }
    }
}

template <class F>
void run(F&& kernel, Dim grid, Dim block, size_t shared) {
    if (block.x > MOST || block.x % 32 != 0 || block.y != 1 || block.z != 1 || grid.z != 1) {
        std::fprintf(stderr, "a launch that the shim does not know\n");
        std::abort();
    }
    using Body = std::remove_reference_t<F>;
    body = [](void* f) { (*static_cast<Body*>(f))(); };
    argument = &kernel;
    gridDim = grid;
    blockDim = block;
    uint64_t state = seed;
    std::vector<unsigned> order(block.x);
    for (unsigned t = 0; t < block.x; t++) {
        order[t] = t;
    }
    unsigned blocks = grid.x * grid.y;
    for (unsigned b = 0; b < blocks; b++) {
        unsigned at = seed % 2 == 0 ? b : blocks - 1 - b; // blocks in either direction
        dynamic.assign(shared + 16, 0xff); // what is no number
        blockIdx.x = at % grid.x;
        blockIdx.y = at / grid.x;
        run_block(order, state);
    }
}

template <class T>
T exchange(T value, int lane_from, bool valid) {
    static_assert(sizeof(T) <= 8);
    unsigned id = current->id;
    uint64_t* mine = slots[current->exchanges++ & 1];
    std::memcpy(&mine[id], &value, sizeof(T));
    wait(warp_barriers[id / 32]);
    threadIdx.x = id;
    T result = value;
    if (valid) {
        std::memcpy(&result, &mine[(id & ~31u) + lane_from], sizeof(T));
    }
    return result;
}

} // namespace shim

inline void __syncthreads() {
    shim::wait(shim::block_barrier);
    threadIdx.x = shim::current->id;
}

template <class T>
T __shfl_xor_sync(unsigned, T value, int mask) {
    return shim::exchange(value, (threadIdx.x & 31) ^ mask, true);
}

template <class T>
T __shfl_up_sync(unsigned, T value, int by) {
    int from = static_cast<int>(threadIdx.x & 31) - by;
    return shim::exchange(value, from, from >= 0);
}

inline int atomicAdd(int* at, int by) {
    int old = *at;
    *at += by;
    return old;
}

inline unsigned __float_as_uint(float v) {
    unsigned u;
    std::memcpy(&u, &v, 4);
    return u;
}

inline int __float_as_int(float v) { return static_cast<int>(__float_as_uint(v)); }

inline float __uint_as_float(unsigned u) {
    float v;
    std::memcpy(&v, &u, 4);
    return v;
}

inline float __int_as_float(int i) { return __uint_as_float(static_cast<unsigned>(i)); }

#define LOUPE_DYNAMIC(type, name) \
    type* name = reinterpret_cast<type*>((reinterpret_cast<uintptr_t>(shim::dynamic.data()) + 15) & ~uintptr_t(15))

package dev.loupe.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDScope;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What the backward pass of a block needs from its forward pass, which sets all that its family has. Shapes: B
 * sequences, T positions, K keys, V key-value heads with G query heads each, h = d_head.
 */
final class BlockState implements BlockRecord {
    final Norm.State ln1;
    final Norm.State qNorm;
    final Norm.State kNorm;
    final Norm.State ln1Post;
    final Norm.State ln2;
    final Norm.State ln2Post;

    /** Whether there will be a backward pass; if not, nothing is kept, and what can be fused is. */
    final boolean needed;

    @Nullable NDArray queries; // as scored, [B V, G T, h]

    @Nullable NDArray keys; // as scored, [B V, K, h]

    @Nullable NDArray values; // [B V, K, h]

    @Nullable NDArray capped; // tanh(score / cap), [B V, G T, K]; only where scores are capped

    @Nullable NDArray pattern; // [B V, G T, K]

    @Nullable NDArray pre; // [B, T, d_mlp]

    @Nullable NDArray preLinear; // [B, T, d_mlp]; only of gated MLPs

    @Override
    public void keep() {
        tensors().forEach(NDScope::unregister);
    }

    @Override
    public long bytes() {
        return tensors().stream().mapToLong(t -> 4 * t.size()).sum();
    }

    @Override
    public void close() {
        tensors().forEach(NDArray::close);
    }

    private List<NDArray> tensors() {
        Set<@Nullable NDArray> all = Collections.newSetFromMap(new IdentityHashMap<>());
        Collections.addAll(all, queries, keys, values, capped, pattern, pre, preLinear);
        for (Norm.State norm : List.of(ln1, qNorm, kNorm, ln1Post, ln2, ln2Post)) {
            Collections.addAll(all, norm.centred, norm.scale);
        }
        return all.stream().filter(Objects::nonNull).map(BlockState::set).toList();
    }

    BlockState() {
        this(true);
    }

    BlockState(boolean needed) {
        this.needed = needed;
        ln1 = new Norm.State(needed);
        qNorm = new Norm.State(needed);
        kNorm = new Norm.State(needed);
        ln1Post = new Norm.State(needed);
        ln2 = new Norm.State(needed);
        ln2Post = new Norm.State(needed);
    }

    /** A tensor that the forward pass must have set. */
    static NDArray set(@Nullable NDArray tensor) {
        if (tensor == null) {
            throw new IllegalStateException("the block has not run forward");
        }
        return tensor;
    }
}

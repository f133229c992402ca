package dev.loupe.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The names that TransformerLens 3 (TransformerBridge) gave to hook points, as the names that everybody else uses. */
final class HookAliases {
    private static final String BLOCKS = "blocks.";

    private static final Map<String, String> TOP =
            Map.of("embed.hook_out", "hook_embed", "pos_embed.hook_out", "hook_pos_embed");

    /** Names within a block that mean the same in every family. */
    private static final Map<String, String> LOCAL = Map.ofEntries(
            Map.entry("hook_in", "hook_resid_pre"),
            Map.entry("hook_out", "hook_resid_post"),
            Map.entry("ln2.hook_in", "hook_resid_mid"),
            Map.entry("ln1_post.hook_out", "hook_attn_out"),
            Map.entry("ln2_post.hook_out", "hook_mlp_out"),
            Map.entry("attn.q.hook_out", "attn.hook_q"),
            Map.entry("attn.k.hook_out", "attn.hook_k"),
            Map.entry("attn.v.hook_out", "attn.hook_v"),
            Map.entry("attn.o.hook_in", "attn.hook_z"),
            Map.entry("mlp.gate.hook_out", "mlp.hook_pre"),
            Map.entry("mlp.out.hook_in", "mlp.hook_post"));

    private static final List<String> BY_FAMILY = List.of("attn.hook_out", "mlp.hook_out", "mlp.in.hook_out");

    private HookAliases() {}

    /** The usual name; the same name if it is none of these. */
    static String canonical(String name) {
        if (!name.startsWith(BLOCKS)) {
            return TOP.getOrDefault(name, name);
        }
        int dot = name.indexOf('.', BLOCKS.length());
        if (dot < 0) {
            return name;
        }
        String local = name.substring(dot + 1);
        String usual = LOCAL.get(local);
        return usual == null ? name : name.substring(0, dot + 1) + usual;
    }

    /** Every newer name of a hook point. */
    static List<String> of(HookPoint hook, TensorNames tensors) {
        List<String> names = new ArrayList<>();
        String block =
                hook.name().substring(0, hook.name().length() - hook.local().length());
        (block.isEmpty() ? TOP.keySet() : LOCAL.keySet()).forEach(newer -> names.add(block + newer));
        if (!block.isEmpty()) {
            BY_FAMILY.forEach(newer -> names.add(block + newer));
        }
        return names.stream()
                .filter(newer -> canonical(newer, tensors).equals(hook.name()))
                .sorted()
                .toList();
    }

    /** The usual name where it depends on the parts that a family has. */
    static String canonical(String name, TensorNames tensors) {
        HookPoint hook = HookPoint.of(name);
        int layer = hook.layer();
        return switch (hook.local()) {
            case "attn.hook_out" ->
                tensors.ln1Post() == null ? HookPoint.attnOut(layer).name() : name;
            case "mlp.hook_out" ->
                tensors.ln2Post() == null ? HookPoint.mlpOut(layer).name() : name;
            case "mlp.in.hook_out" ->
                HookPoint.block(layer, tensors.mlpLinear() == null ? "mlp.hook_pre" : "mlp.hook_pre_linear")
                        .name();
            default -> hook.name();
        };
    }
}

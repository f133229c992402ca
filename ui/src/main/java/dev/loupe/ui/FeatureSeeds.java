package dev.loupe.ui;

import com.vaadin.flow.component.Component;
import com.vaadin.flow.component.html.Anchor;
import com.vaadin.flow.component.html.Div;
import dev.loupe.service.Counterpart;
import dev.loupe.service.Counterparts;
import dev.loupe.service.SaeView;
import dev.loupe.service.Workbench;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The way to the same feature in the seeds before and after this one, by the keys {@code [} and {@code ]}. */
final class FeatureSeeds {
    private FeatureSeeds() {}

    /** The two links; nothing where no other SAE has a counterpart. */
    static Component of(Workbench workbench, SaeView sae, List<Counterpart> counterparts) {
        List<Counterpart> found = counterparts.stream().filter(c -> c.id() >= 0).toList();
        List<Counterpart> seeds = found.stream()
                .filter(c -> Counterparts.isSeedOf(sae, workbench.saes().get(c.sae())))
                .toList();
        List<Counterpart> ring = new ArrayList<>(seeds.isEmpty() ? found : seeds);
        Div line = Kit.div("line tight dim only-wide");
        if (ring.isEmpty()) {
            return line;
        }
        ring.sort(Comparator.comparing(Counterpart::sae, FeatureSeeds::compareNames));
        int after = 0;
        while (after < ring.size() && compareNames(ring.get(after).sae(), sae.name()) < 0) {
            after++;
        }
        Counterpart next = ring.get(after % ring.size());
        Counterpart previous = ring.get((after + ring.size() - 1) % ring.size());
        line.add(step(previous, "[", "previous", ring.size() > 1 ? null : ""));
        line.add(step(next, "]", "next", next.sae() + " · " + next.id()));
        return line;
    }

    private static Anchor step(Counterpart to, String key, String which, @Nullable String shown) {
        Anchor a = Kit.link(Links.feature(to.sae(), to.id()), "");
        a.addClassName("dim");
        a.setAriaLabel("Counterpart in the " + which + " seed: " + to.sae() + " " + to.id());
        a.setTitle(to.sae() + " · " + to.id() + " " + to.label() + " · cosine " + Num.fixed(to.decoderCosine(), 2)
                + (to.compared() ? "" : ", nearest by cosine"));
        String text = shown == null ? to.sae() + " · " + to.id() : shown;
        if (key.equals("]")) {
            a.add(Kit.text(text + " "), Kit.kbd(key));
        } else {
            a.add(Kit.kbd(key), Kit.text(text.isEmpty() ? "" : " " + text));
        }
        a.getElement().setAttribute("data-key", key);
        return a;
    }

    /** Names in the order of people: seed 2 before seed 10. */
    static int compareNames(String a, String b) {
        String x = a.replaceAll("[0-9]+$", "");
        String y = b.replaceAll("[0-9]+$", "");
        return x.equals(y) && a.length() != b.length() ? Integer.compare(a.length(), b.length()) : a.compareTo(b);
    }
}

package dev.loupe.steer;

import dev.loupe.base.NotFoundException;
import dev.loupe.sae.Sae;
import java.util.OptionalDouble;

/** Where edits find what they name. */
public interface SteeringContext {
    /**
     * An SAE.
     *
     * @throws NotFoundException if there is none of that name
     */
    Sae sae(String name);

    /** The largest activation of a latent in its SAE's feature index; empty if the SAE has no index. */
    OptionalDouble maxActivation(String sae, int id);

    /**
     * A saved steering vector.
     *
     * @throws NotFoundException if there is none of that name
     */
    SteeringVector vector(String name);
}

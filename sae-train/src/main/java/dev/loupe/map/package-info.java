/** Maps of an SAE's latents: decoder rows laid out in a plane, neighbours beside each other. */
@NullMarked
package dev.loupe.map;

import org.jspecify.annotations.NullMarked;

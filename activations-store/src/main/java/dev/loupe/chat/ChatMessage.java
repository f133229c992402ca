package dev.loupe.chat;

/**
 * One message of a conversation.
 *
 * @param role who speaks: system, user, assistant or what else the template knows
 * @param content what was said
 */
public record ChatMessage(String role, String content) {}

/** Tells whoever follows a container that something happened to it. */
export interface ContainerEvents {
  subscribe(containerId: string, onEvent: () => void): Disposable;
  tell(containerId: string): void;
  /** Nobody knows what was missed. */
  tellAll(): void;
}

export function createContainerEvents(): ContainerEvents {
  const followers = new Map<string, Set<() => void>>();
  return {
    subscribe(containerId, onEvent) {
      const own = followers.get(containerId) ?? new Set();
      followers.set(containerId, own);
      own.add(onEvent);
      return {
        [Symbol.dispose]() {
          own.delete(onEvent);
          if (own.size === 0 && followers.get(containerId) === own) followers.delete(containerId);
        },
      };
    },
    tell(containerId) {
      for (const each of followers.get(containerId) ?? []) each();
    },
    tellAll() {
      for (const own of followers.values()) for (const each of own) each();
    },
  };
}

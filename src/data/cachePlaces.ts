// Where decoded pixels can be kept between epochs; apart from the caches, so that help texts load none.
export const cachePlaces = ['ram', 'disk'] as const;
export type CachePlace = (typeof cachePlaces)[number];

/** Of the picture of an evening, in pixels: upright, as phones show what is sent around. */
export const SIZE = { width: 1080, height: 1350 } as const;

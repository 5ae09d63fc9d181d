// Which stretch of time the graph shows: kept while the app runs, for every run alike.

export const graphView = $state<{ span: 'minute' | 'whole' | 'off' }>({ span: 'minute' });
